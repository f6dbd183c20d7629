"""``startgate expect``: announce a start, so that it passes without a question; list them; withdraw one."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from workers.domain.errors import NotFound, NotYet
from workers.domain.ports.groups import NoGroups
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.ahead.windows import HOW_TO
from workers.operator.azure.desk import wanted_vm
from workers.operator.desk.approving import say_asked
from workers.operator.desk.desk import VIA, alone, desk, policy_of
from workers.operator.session import BROKEN, FINE, Session, fail, operator, run, session
from workers.runtime.terminal import safe_json, safe_line
from workers.use_cases.orders.expect import ExpectStarts

LIST, WITHDRAW = "list", "withdraw"

_WHAT = f"VM WINDOW, or WINDOW with --when; or {LIST}; or {WITHDRAW} ID. WINDOW: {HOW_TO}."


def expect(
    what: Annotated[list[str], typer.Argument(metavar="VM WINDOW", help=_WHAT, show_default=False)],
    *,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks into the start.")] = "",
    when: Annotated[str, typer.Option(help="A condition in CEL in the place of a VM.")] = "",
    caller: Annotated[str, typer.Option(help="Only starts by this e-mail address or id.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The answer as JSON.")] = False,
) -> None:
    """Expect a start: it passes without a question, and is on record with who expected it and why.

    It ends by itself. At high risk the owner is asked all the same, unless the policy's expect.at_high_risk
    is pass. `startgate expect list` lists what is expected, `startgate expect withdraw ID` ends one.

    With two_person: access, it asks who you are, and nothing is expected before somebody else approves it.

    Example: startgate expect web-02 2h --reason "nightly build"
    """
    if what == [LIST]:
        run(_list(as_json=as_json))
    elif len(what) == 2 and what[0] == WITHDRAW:  # noqa: PLR2004 - the word and an id
        run(_withdraw(what[1]))
    elif len(what) == (1 if when else 2):
        run(_expect(what, reason, when, caller, as_json=as_json))
    else:
        raise typer.BadParameter(f"give {_WHAT}")


async def _expect(what: list[str], reason: str, when: str, caller: str, *, as_json: bool) -> int:
    async with session() as s:
        if _expects(s).takes_two:
            return await _ask(what, reason, when, caller, as_json=as_json)
        vm = None if when else await wanted_vm(what[0], s)
        try:
            found = await _expects(s).announce(
                what[-1], reason, by=operator(), vm=vm, when=when, caller=caller
            )
        except NotYet as error:
            fail(BROKEN, safe_line(str(error)))
    _say([found], as_json=as_json, first=f"Expected from {_at(found.begin)} to {_at(found.end)}.")
    return FINE


async def _ask(what: list[str], reason: str, when: str, caller: str, *, as_json: bool) -> int:
    """The same where it takes two persons: the first one has to be somebody, and may expect it."""
    typed = f"startgate expect {' '.join(what)}"
    async with desk(typed) as at:
        policy, inventory = at.policy, at.session.inventory
        vm = None if when else await wanted_vm(what[0], at.session)
        known = (await inventory.lines([vm])).get(vm.key) if vm else None
        expecting = ExpectStarts(
            store=at.session.store,
            clock=at.session.clock,
            policy=lambda: policy,
            second=at.second,
            groups=NoGroups(),
        )
        actor = await expecting.may(at.actor, known, wanted=typed)
        asked = await expecting.ask(what[-1], reason, actor, via=VIA, vm=vm, when=when, caller=caller)
    say_asked(asked, "Nothing is expected yet", as_json=as_json)
    return FINE


async def _list(*, as_json: bool) -> int:
    async with session() as s:
        current = await _expects(s).current()
    count = f"{len(current)} start{'' if len(current) == 1 else 's'} expected."
    _say(current, as_json=as_json, first=count)
    return FINE


async def _withdraw(expectation_id: str) -> int:
    async with session() as s:
        try:
            await _expects(s).withdraw(expectation_id, by=operator())
        except NotFound as error:
            fail(BROKEN, safe_line(f"{error}. `startgate expect list` lists what is expected."))
    typer.echo("Withdrawn. Starts are asked about again.")
    return FINE


def _expects(s: Session) -> ExpectStarts:
    policy = policy_of(s.settings)
    return ExpectStarts(
        store=s.store, clock=s.clock, policy=lambda: policy, second=alone(s), groups=NoGroups()
    )


def _say(found: list[Expectation] | tuple[Expectation, ...], *, as_json: bool, first: str) -> None:
    if as_json:
        typer.echo(safe_json([one.summary for one in found]))
        return
    typer.echo(first)
    for one in found:
        about = one.vm.resource_id if one.vm else one.when
        by = f" by {one.caller}" if one.caller else ""
        span = f"{_at(one.begin)} to {_at(one.end)}"
        typer.echo(safe_line(f"  {one.id}  {span}  {about}{by}: {one.reason} ({one.by})"))


def _at(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
