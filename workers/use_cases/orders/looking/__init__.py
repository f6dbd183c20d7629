"""Looking at Azure for somebody who considers an order: asked by the bot, answered by the workers."""
