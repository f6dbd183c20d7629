"""The replies about an isolation that ends by itself: it will, or on-call has to decide."""

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import LOCKDOWN_COMMAND, command, sentence, undo_command
from bot.cards.blocks.text import calling, code, escape, name, when
from workers.domain.containment.containment import Containment


def expiry_replies(containment: Containment, oncall_mention: str) -> list[Reply]:
    """Pages on-call an hour before, and once more if nothing is done by itself; nothing if it never ends."""
    expiry, vm = containment.expiry, containment.vm
    if expiry is None:
        return []
    calls, keep = calling(oncall_mention), command(LOCKDOWN_COMMAND, vm)
    said = (
        f"{calls}the isolation of {code(vm.name)} ends {when(expiry.ends_at)}: its network is restored then,"
        f" and nothing else. The VM stays stopped, and its next start is asked about. To keep it isolated,"
        f" type {keep}: its time begins anew. To restore all of it, type {undo_command(containment)}."
    )
    key = f"{containment.round}.{expiry.announced_at:%Y%m%d%H%M%S}"
    found = [_reply(f"expiry.{key}", f"The isolation of {name(vm.name)} ends soon", said)]
    if expiry.held_at is not None:
        why = sentence(escape(expiry.held_because, 500))
        asks = (
            f"{calls}the isolation of {code(vm.name)} was to end {when(expiry.ends_at)}, and was *not* ended."
            f" {why} Please decide: {undo_command(containment)} restores it, {keep} keeps it isolated."
        )
        found.append(_reply(f"expiry-held.{key}", f"Decide about the isolation of {name(vm.name)}", asks))
    return found


def _reply(key: str, text: str, said: str) -> Reply:
    return Reply(key, Message(text, [section(said)]), pages=True)
