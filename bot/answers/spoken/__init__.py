"""Answers in words: what an owner writes below a card, or to the bot."""
