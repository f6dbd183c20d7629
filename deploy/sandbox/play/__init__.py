"""Plays stories against the running system, with no screen, and says what came of them."""
