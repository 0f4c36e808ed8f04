"""What this computer can spare."""
