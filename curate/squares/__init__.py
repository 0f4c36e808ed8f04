"""Kept pictures as squares, their tables, and how they are handed over."""

FORMS = ("folder", "zip", "webdataset", "parquet")  # of export/; here, so that the command line needs no pandas
