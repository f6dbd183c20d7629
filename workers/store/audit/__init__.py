"""The audit as it is in Redis: the log, and the chain that proves it."""
