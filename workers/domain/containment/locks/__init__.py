"""Locks: ours, which gives way to other steps, and those of others, which stay."""
