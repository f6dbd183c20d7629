"""What has been: earlier starts and answers, and what they say of the next start."""
