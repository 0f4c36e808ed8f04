"""What a request must pass on its way out and back: addresses, robots.txt, pauses, opt-outs, statuses."""
