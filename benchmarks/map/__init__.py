"""The map of a dataset: how long its plane takes, how soon it is drawn, and how smoothly it moves."""
