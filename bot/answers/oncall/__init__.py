"""What on-call presses: the cap, a second person's approval, what else the caller started, try again."""
