"""Squares and textures as arrays: packed once, dealt out in batches, laid out in grids."""
