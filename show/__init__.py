"""SHOW: a gallery, cards and posts, made from the files of a dataset and a run; it writes nothing that it reads."""
