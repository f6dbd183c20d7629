"""Which VM is meant: what is typed in a menu, what it offers, and what was chosen."""
