"""The bench: how far the product is from the limit of its own real parts, side by side in one run."""
