"""Documentation that is made from the code, so that it can't lie."""
