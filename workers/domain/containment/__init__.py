"""Containing a VM, and restoring it."""
