"""The reply below a card that stands in another channel than its own."""

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.text import calling, channel_link, code

_WHY = {
    "channel_not_found": "Slack doesn't show it to the bot",
    "is_archived": "it is archived",
    "not_in_channel": "the bot is not in it",
}


def moved(channel: str, because: str, oncall_mention: str) -> Reply:
    """Why this card is here. It pages on-call, since nobody sees it in its own channel.

    Args:
        channel: the channel that refused it, an id or ``#name``.
        because: Slack's code of the refusal.
        oncall_mention: mrkdwn; may be empty.
    """
    calls = calling(oncall_mention)
    why = _WHY.get(because, f"Slack says {code(because)}")
    text = (
        f"{calls}this card belongs in {channel_link(channel)}, but {why}. Please answer it here, and invite"
        " the bot there or name another channel in the policy."
    )
    return Reply("moved", Message("This card belongs in another channel", [section(text)]), pages=True)
