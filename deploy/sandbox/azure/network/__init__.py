"""Microsoft.Network: interfaces, security groups, load balancers, and what they lie in."""
