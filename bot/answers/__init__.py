"""Answers to a question, one doorway a file."""
