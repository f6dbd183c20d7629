"""The policy as a file: how it is spelt, what is wrong with it, and the schema for editors."""
