"""What is only looked at: details, and the evidence as a file."""
