"""Presets as data, and the networks that they describe."""
