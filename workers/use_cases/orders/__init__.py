"""What on-call orders: lock down, restore, and which VM they mean."""
