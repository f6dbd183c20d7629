"""Azure Monitor, as far as Activity Log alerts go: rules, action groups, the Logic Apps they call."""
