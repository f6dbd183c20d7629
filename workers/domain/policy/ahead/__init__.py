"""What people announce ahead of time, and what the policy makes of it."""
