"""How people answer a card: one way in a file."""
