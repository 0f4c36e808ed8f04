"""Networks that more than one stage knows by name: where their weights are."""
