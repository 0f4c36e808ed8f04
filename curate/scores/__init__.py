"""What a network said, computed once and kept in shards: scores, features, and what is derived from them."""
