"""Pages for a browser: the skeleton that all share, and the server of those that ask a person."""
