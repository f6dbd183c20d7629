"""The dialog that shows everything that is known of a start."""
