"""A run from its start to its end: the loop, checkpoints, resuming, progress, preflight."""
