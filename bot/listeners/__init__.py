"""What Slack sends us: one file a doorway."""
