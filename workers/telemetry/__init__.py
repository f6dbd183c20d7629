"""How a process is doing, for probes and people."""
