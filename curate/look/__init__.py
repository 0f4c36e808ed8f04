"""What can be seen in the pixels without a network: decoding, quality, hashes."""
