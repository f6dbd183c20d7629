"""App Home: what waits for its reader, what is theirs, and what on-call has to look at."""
