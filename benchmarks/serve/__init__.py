"""How fast pictures reach a trainer on another computer."""
