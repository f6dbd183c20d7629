"""Event Grid, as far as it says who is told of what happens in a subscription."""
