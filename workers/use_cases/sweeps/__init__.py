"""Periodic work: what looks again by itself, without a message."""
