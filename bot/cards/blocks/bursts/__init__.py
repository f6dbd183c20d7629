"""The card that asks about several starts at once, and the dialog that lists them."""
