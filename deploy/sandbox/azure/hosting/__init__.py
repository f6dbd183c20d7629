"""What Startgate itself stands on, to be read: what providers serve, and the queues' properties."""
