"""What a picture's bytes say without a decoder: the format, and whether damage lies in the pixels or beside them."""
