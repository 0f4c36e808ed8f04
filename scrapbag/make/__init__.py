"""How make was called, and how it is called next: what a command needs so that it acts on the right dataset."""
