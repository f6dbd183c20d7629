"""The audit beyond its writing: read back, trimmed, and kept for good."""
