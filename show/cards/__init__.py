"""MODEL_CARD.md and DATASET_CARD.md, with the front matter of Hugging Face, from what is on the disk."""
