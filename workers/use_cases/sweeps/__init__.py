"""Periodic work, a sweep a file: what is done by itself, without a message. ``loop`` runs them."""
