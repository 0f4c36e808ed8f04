"""The training loop and what it stands on: losses, balance, augmentation, checkpoints, preflight."""
