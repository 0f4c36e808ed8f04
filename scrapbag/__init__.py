"""GROUND: what a dataset is. Every stage stands on it; it imports no stage, no torch, no scrapy."""
