"""Who signs in to Redis, how, and what each may do there."""
