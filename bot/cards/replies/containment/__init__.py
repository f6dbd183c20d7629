"""Replies about a containment and a restore: how they go, what is late, what a person can do."""
