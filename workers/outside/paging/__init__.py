"""Who calls on-call outside Slack: addresses and secrets come from the settings, never from event or policy.

No redirection is followed: an answer must not lead a request elsewhere.
"""
