"""The newest grid, posted while a run learns: where to, what was posted, and that nothing is posted twice."""
