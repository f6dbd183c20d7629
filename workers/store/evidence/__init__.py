"""The evidence of one story: all that is kept of it as one zip, and the check of such a zip."""
