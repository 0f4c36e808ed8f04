"""Kept pictures as squares, their tables, and the export of both."""

FORMS = ("folder", "zip", "webdataset", "parquet")  # of an export; here, so that the command line imports no pandas
CAPTIONS = "captions"  # of the original pictures, not the squares
SIDES = ("512", "768", "1024")  # of these
