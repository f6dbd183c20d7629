"""Known weaknesses of what is locked, and which of them are accepted, until when."""
