"""What the samples are worth: features, metrics, the best generator kept, the report."""
