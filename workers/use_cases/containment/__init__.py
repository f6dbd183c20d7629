"""Carrying out a containment, and undoing it."""
