"""Services beside Azure, Slack and the bus: who calls people, and where the audit is kept for good."""
