"""What Startgate does, one file per verb. Each reads, applies the rules, writes once, and then nudges."""
