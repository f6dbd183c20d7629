"""Speaks with people. Slack rights, no Azure management rights."""
