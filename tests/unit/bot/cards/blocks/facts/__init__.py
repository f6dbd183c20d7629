"""What a card says is known of a start."""
