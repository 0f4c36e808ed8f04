"""LEARN: a folder of squares -> a generator. It knows nothing of the web."""
