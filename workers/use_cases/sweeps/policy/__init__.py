"""The policy over time: its mode, what it would have done, and the rules that answers suggest."""
