"""What may leave this computer and come in: hosts as a recipe and an address name them, and keys."""
