"""What on-call orders: lockdowns and restores, and finding the VM they mean."""
