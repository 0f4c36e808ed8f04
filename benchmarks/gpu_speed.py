"""How fast steps go on a card, beside what it multiplies in bf16."""
