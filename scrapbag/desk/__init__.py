"""The desk where a user asks how things stand: status, doctor."""
