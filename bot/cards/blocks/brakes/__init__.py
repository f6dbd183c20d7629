"""How the pause and the cap look in Slack."""
