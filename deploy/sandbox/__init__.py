"""The whole system on one machine: stand-ins for Azure, Service Bus and Slack, and the unchanged product."""
