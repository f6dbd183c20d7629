"""Taking a VM out of the world, and letting it go again."""
