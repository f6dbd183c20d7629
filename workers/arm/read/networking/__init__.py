"""NICs and what they are connected to: NSGs, load balancers, and what the Internet reaches through them."""
