"""One gathering of facts: what is read beside what, and what has come so far."""
