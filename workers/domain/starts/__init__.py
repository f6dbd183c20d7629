"""What was started, by whom, and what is known about it."""
