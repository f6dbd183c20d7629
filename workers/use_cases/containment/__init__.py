"""Containing a VM and restoring it: one engine for both."""
