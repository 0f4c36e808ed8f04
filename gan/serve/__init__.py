"""The pictures of a dataset for a trainer on another computer: batches by HTTP."""
