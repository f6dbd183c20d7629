"""Who owns a VM by its tags, and by those that it had before."""
