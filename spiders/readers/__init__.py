"""One reader a kind of source: what it asks first, and what it takes from each answer."""
