"""What a crawl has found, what it has still to ask for, and the states of a request in between."""
