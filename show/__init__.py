"""SHOW: a gallery, cards and posts, made from the files of a dataset and a run; imports no stage, writes nothing they read."""
