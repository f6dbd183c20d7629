"""What this organisation wants: the model, the file, and the rules."""
