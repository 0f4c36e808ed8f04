"""STORE: a response -> a checked, stored, recorded picture, and the guards on the way."""
