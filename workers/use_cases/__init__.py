"""What Startgate does, in order: reads, the rule, one atomic write, then nudges. One file a verb."""
