"""What goes along with a commit: it is measured, and a decision waits for a replica."""
