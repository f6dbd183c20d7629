"""Slash commands: a listener and its blocks for each, and the registry that lists them."""
