"""``startgate evidence``: one file that shows an auditor what was done to a VM, and why."""
