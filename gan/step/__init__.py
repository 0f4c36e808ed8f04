"""One step of training, up to the optimisers: the networks, their losses, and what chance and balance do to them."""
