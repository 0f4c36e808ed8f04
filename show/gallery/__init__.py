"""The gallery: one local page over every dataset and run, live while they grow; the map alone writes, answers."""
