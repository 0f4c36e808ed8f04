"""The pretrained network: loading it, its input, its views, and the classes that a target names."""
