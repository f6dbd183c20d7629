"""What the ports of the store promise, in dicts: for tests of what stands above them. No Redis."""
