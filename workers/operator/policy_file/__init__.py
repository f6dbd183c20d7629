"""``startgate policy``: check, explain and try out a policy file."""
