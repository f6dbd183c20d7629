"""A VM was started: ask about it, let it pass, or contain it again."""
