"""The question to an owner, who may answer it, and what they are shown."""
