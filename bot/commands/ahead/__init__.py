"""Commands by which people say ahead what will be: starts that they expect, and who answers for them."""
