"""What the rules need from outside, one file per subject.

``store``, ``bus``, ``arm``, ``outside`` and the bot's Slack implement it.
"""
