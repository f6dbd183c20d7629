"""What is known of a containment or a restore before it begins."""
