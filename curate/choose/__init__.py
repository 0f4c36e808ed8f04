"""The decision: facts, rules, duplicates, levels, what people answered and what it certifies."""
