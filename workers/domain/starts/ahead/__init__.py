"""What is known ahead of a start: which one somebody expects, and when."""
