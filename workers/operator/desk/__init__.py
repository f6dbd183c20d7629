"""Acting without Slack: an operator answers, locks down and restores with their own account of Entra ID."""
