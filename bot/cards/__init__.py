"""The cards in Slack, and how every copy of them is kept up to date."""
