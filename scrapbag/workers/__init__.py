"""Who does the work of a stage: the threads of this computer, or the workers of a Ray cluster, to the same bytes."""
