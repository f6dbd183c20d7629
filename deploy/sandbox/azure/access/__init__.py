"""Subscriptions and who may do what in them: locks, roles, Defender for Cloud."""
