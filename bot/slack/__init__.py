"""How Slack is reached: connection, people and channels, pace, errors."""
