"""What the rules need from outside, one file per subject. ``store``, ``bus`` and ``arm`` implement it."""
