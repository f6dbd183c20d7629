"""How Startgate gets onto Azure, into Slack, and onto a laptop. The product never imports this."""
