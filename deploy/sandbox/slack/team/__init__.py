"""The workspace and what is in it: people, channels, messages, dialogs, and the tickets to answer them by."""
