"""Activity Log alert rules, which tell us of starts where there is no Event Grid."""
