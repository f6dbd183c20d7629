"""A message becomes a use case: one file a queue."""
