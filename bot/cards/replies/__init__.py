"""The replies in the thread of a card, each a pure function from domain object to Block Kit."""
