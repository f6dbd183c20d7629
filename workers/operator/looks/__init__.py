"""What the workers' doctor looks at, one subject a file."""
