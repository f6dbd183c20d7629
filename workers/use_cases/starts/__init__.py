"""A VM was started: ask, let it pass, or contain it again."""
