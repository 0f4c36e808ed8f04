"""What there is to show: the datasets and runs on the shelf, their files read whole or refused."""
