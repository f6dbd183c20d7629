"""The policy: its model, its file, and its rules."""
