"""The page in the browser that asks yes or no."""
