"""Where requests come in: who asks for what, how often, and what is refused before a provider sees it."""
