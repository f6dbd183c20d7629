"""Conditions of rules: CEL, what may be said in it, and why one holds or does not."""
