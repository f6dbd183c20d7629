"""What the rules need from the world, a file a subject; ``store``, ``bus`` and ``arm`` implement it."""
