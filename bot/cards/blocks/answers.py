"""Short answers that only the person who asked can see: what happened, and what they can do now."""

from collections.abc import Sequence

from bot.cards.blocks.card import outcome
from bot.cards.blocks.kit import listed, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.status import progress, undo_command
from bot.cards.blocks.text import channel_link, code, counted, escape
from workers.domain.asking.approvals import Approval
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.starts.vm import KnownVm

_MOST_CANDIDATES = 5


def refused(reason: str) -> Message:
    """They may not; ``reason`` says who may."""
    said = escape(reason, 1000) or "You may not do this."
    return _answer("You may not do this.", f"{said}\nNothing was changed, and the attempt is in the audit.")


def not_now(reason: str) -> Message:
    """They may, but it can't be done as things stand; ``reason`` says what to wait for."""
    return _answer("Not now.", f"{escape(reason, 1000)}\nNothing was changed.")


def already_decided(approval: Approval) -> Message:
    """Somebody was first, or time ran out."""
    name, vm = escape(approval.event.vm.name, 80), code(approval.event.vm.name)
    ended = " ".join(outcome(approval, None)) or "The question is still open."
    return _answer(
        f"{name} was answered already.", f"{vm} was answered before you. {ended} Nothing was changed."
    )


def recorded(approval: Approval) -> Message:
    """Their own answer is on record."""
    name, vm = escape(approval.event.vm.name, 80), code(approval.event.vm.name)
    if approval.decision is None:
        return _answer(f"{name}: still open.", f"The question about {vm} is still open.")
    if approval.decision.confirms:
        return _answer(
            f"Confirmed: {name}", f"Recorded: the start of {vm} was expected. Nothing is done to it."
        )
    return _answer(
        f"Rejected: {name}", f"Recorded: {vm} is being contained. The thread below the card shows each step."
    )


def lockdown_started(containment: Containment, *, channel: str = "") -> Message:
    """The lockdown is under way; ``channel`` is where its card is, an id or ``#name``."""
    name, vm = escape(containment.vm.name, 80), code(containment.vm.name)
    where = f" Follow it in {channel_link(channel)}." if channel else ""
    return _answer(f"Locking down {name}", f"{vm} is being locked down. {progress(containment)}{where}")


def already_contained(containment: Containment) -> Message:
    """It is contained, or on its way, so nothing new was begun."""
    name, vm = escape(containment.vm.name, 80), code(containment.vm.name)
    lines = [f"{vm} is in containment already; nothing new was begun.", progress(containment)]
    if containment.state is ContainmentState.CONTAINED:
        lines.append(f"To undo it, on-call types {undo_command(containment)}.")
    return _answer(f"{name} is in containment already.", "\n".join(lines))


def restore_started(containment: Containment) -> Message:
    """The restore is under way."""
    name, vm = escape(containment.vm.name, 80), code(containment.vm.name)
    start = (
        "The VM is started, too, once its network is as it was."
        if containment.restoration is not None and containment.restoration.starts
        else "The VM is not started."
    )
    return _answer(
        f"Restoring {name}",
        f"{vm} is being restored. {start} The thread below its card shows each step. It is let go only when"
        " every network interface reads back as it was; what somebody changed since is left and named.",
    )


def already_restoring(containment: Containment) -> Message:
    """Somebody had ordered it before, so nothing new was begun."""
    name, vm = escape(containment.vm.name, 80), code(containment.vm.name)
    lines = [f"{vm} is being restored already; nothing new was begun.", progress(containment)]
    return _answer(f"{name} is being restored already.", "\n".join(lines))


def cannot_restore(reason: str) -> Message:
    """It can't be restored, or not now; ``reason`` says why."""
    said = escape(reason, 1000) or "This VM can't be restored now."
    return _answer("Nothing was restored.", f"{said}\nNothing was changed.")


def none_contained(query: str, contained_count: int) -> Message:
    """No contained VM is of that name."""
    hint = (
        f"{counted(contained_count, 'VM')} {'is' if contained_count == 1 else 'are'} contained, and none"
        " matches. Check the spelling, or give the VM's resource id."
        if contained_count
        else "No VM is contained now."
    )
    return _answer(
        "No such contained VM.", f"No contained VM matches {code(query)}. {hint} Nothing was changed."
    )


def vm_not_found(query: str, known_count: int) -> Message:
    """No VM of that name is known."""
    asked = code(query)
    hint = (
        f"{counted(known_count, 'VM')} {'is' if known_count == 1 else 'are'} known, and none matches."
        " Check the spelling, or give the VM's resource id."
        if known_count
        else "No VM at all is known yet: the list comes from the workers. Check that they are running."
    )
    return _answer("No such VM.", f"No VM matches {asked}. {hint} Nothing was changed.")


def several_found(query: str, candidates: Sequence[KnownVm]) -> Message:
    """The name fits several VMs, so none was touched."""
    lines = [
        f"\u2022 {code(vm.ref.name)} in resource group {code(vm.ref.resource_group)},"
        f" subscription {escape(vm.subscription_name, 80) or code(vm.ref.subscription_id[:8])}, {vm.power}"
        for vm in candidates
    ]
    body = listed(lines, _MOST_CANDIDATES, "VM", between="\n")
    count = counted(len(candidates), "VM")
    return _answer(
        f"{count} match.",
        f"{count} match {code(query)}, so nothing was changed. Give one's full name or resource id.\n{body}",
    )


def usage(command: str) -> Message:
    """How a command is typed, such as ``/vm-lockdown NAME [REASON]``."""
    return _answer("How to type this command", f"Type it as {code(command, 300)}.")


def went_wrong(reference: str) -> Message:
    """Something failed on our side. ``reference`` finds it in the log; the details stay there."""
    return _answer(
        "That did not work.",
        "That did not work, and it is not your fault. Look at the card: if it has not changed, try again"
        f" in a minute. If it fails again, give your platform team this reference: {code(reference)}",
    )


def _answer(text: str, body: str) -> Message:
    return Message(text, [section(body)])
