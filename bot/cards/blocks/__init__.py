"""Domain object → Block Kit: pure functions."""
