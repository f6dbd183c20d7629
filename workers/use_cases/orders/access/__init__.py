"""What gives a right away or turns the guard down, where that needs two persons: asked for, and answered."""
