"""Signals: each looks at one thing about a start. ``table`` lists all of them."""
