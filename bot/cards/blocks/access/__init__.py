"""What gives a right away or turns the guard down, where two persons are needed: its card and its answers."""
