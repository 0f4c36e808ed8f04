"""Figures: each module measures one thing and ends with one line of JSON, {\"figures\": ..., \"reached\": ...}."""
