"""What keeps containments from going on: the pause of all writes, and the cap on containments an hour."""
