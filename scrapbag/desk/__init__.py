"""The desk where a user asks how things stand: status, verify, doctor, clean."""
