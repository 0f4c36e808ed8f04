"""A dataset in a bucket or in another folder: what goes there, how it comes back, and what is refused on the way."""
