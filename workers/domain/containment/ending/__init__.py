"""How a containment may end: by two persons, or by itself."""
