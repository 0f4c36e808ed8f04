"""ENGINE=ray against ENGINE=local: what it costs, and what it survives."""
