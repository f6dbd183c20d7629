"""Commands that read Azure or write to it, and what they share."""
