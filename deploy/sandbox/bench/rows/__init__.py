"""What is measured, a part a file."""
