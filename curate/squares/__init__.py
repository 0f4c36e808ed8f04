"""Kept pictures as squares, their tables, and how they are handed over."""
