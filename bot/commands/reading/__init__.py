"""Commands that only read: how a VM stands, what waits, what is contained."""
