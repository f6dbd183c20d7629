"""What the Internet reaches."""
