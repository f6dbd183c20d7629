"""What is read of a whole subscription: its VMs, its starts on record, and what it serves."""
