"""``startgate policy replay``: what a changed policy would have made of the starts that are on record."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from workers.domain.errors import InvalidPolicy
from workers.domain.policy.model import Policy
from workers.operator.session import BROKEN, FINE, fail, run, session
from workers.operator.times import when
from workers.runtime.terminal import safe_json, safe_line
from workers.use_cases.asking.recorded import recorded_starts
from workers.use_cases.asking.replay import LOST, Fate, Outcome, RecordedStart, Replay, happened
from workers.use_cases.read_policy import read_policy

_ASKED = (Fate.ASKED, Fate.CONTAINED, Fate.EXPOSED)


class _Judged(NamedTuple):
    """One start: what came of it, and what would have come of it."""

    start: RecordedStart
    happened: Outcome
    would: Outcome

    @property
    def differs(self) -> bool:
        return self.happened.fate is not self.would.fate


def replay(
    file: Annotated[Path, typer.Argument(help="The changed policy.")],
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="From then on: 12h, 30d or an ISO time.")
    ] = "30d",
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Every start, and the sums, as JSON instead of tables.")
    ] = False,
) -> None:
    """Run a changed policy over the starts on record, and compare it with what happened. Writes nothing.

    Says how many starts would have been asked about, passed, or contained because nobody answered, and how
    many messages whom would have reached: asks, reminders, escalations.

    What is no longer known of a recorded start, and what is assumed:

    - Of a start that passed, and of a question that retention has removed, only the caller, the VM and the
    time are kept. What needs facts can't be judged, and is counted so.

    - Facts are as they were read last. The tags before a start are not kept: rules can't read them, and no
    signal tells that they were changed.

    - History was summed up by the policy in force then.

    - An answer is taken to come as late as it did. Who did not answer then is taken never to. For a start
    that passed, nobody knows.

    - A further start of a VM is counted as joined to its open question, as it was; nobody is told anew.

    - Starts that no rule judges are left out: of contained VMs, failed ones, and those of a restore.

    Example: startgate policy replay policy.yaml --since 7d
    """
    run(_replay(file, when(since), as_json=as_json))


async def _replay(file: Path, since: datetime, *, as_json: bool) -> int:
    policy = _policy(file)
    async with session() as opened:
        judge = Replay(policy, opened.clock.now())
        judged = [
            _Judged(start, happened(start), judge.would(start))
            async for start in recorded_starts(opened.audit.records(since), opened.store)
        ]
    if as_json:
        typer.echo(safe_json(_as_json(file, since, judged), indent=2))
        return FINE
    for line in _tables(file, since, judged):
        typer.echo(safe_line(line))
    return FINE


def _policy(file: Path) -> Policy:
    try:
        return read_policy(file)
    except InvalidPolicy as invalid:
        fail(BROKEN, invalid.diagnostics())


def _tables(file: Path, since: datetime, judged: Sequence[_Judged]) -> Iterator[str]:
    was, would = _fates(judged, "happened"), _fates(judged, "would")
    asked, passed = sum(would[one] for one in _ASKED), would[Fate.PASSED]
    told, ruled = would[Fate.TOLD], would[Fate.RULED]
    yield (
        f"{file}: of {len(judged)} starts since {_minute(since)} UTC, {asked} would be asked about"
        f" ({sum(was[one] for one in _ASKED)} were), {told} would be told of ({was[Fate.TOLD]} were),"
        f" {passed} would pass ({was[Fate.PASSED]} did), {ruled} would have the VM contained by a rule"
        f" ({was[Fate.RULED]} did) and {would[Fate.UNKNOWN]} can't be judged."
    )
    yield ""
    yield f"{'STARTS':36}  HAPPENED  WOULD"
    yield from (f"{one:36}  {was[one]:8}  {would[one]:5}" for one in Fate)
    yield ""
    yield f"{'MESSAGES TO':36}  HAPPENED  WOULD"
    before, after = _messages(judged, "happened"), _messages(judged, "would")
    for whom in sorted({*before, *after}, key=lambda one: (-after[one], one)):
        yield f"{whom:36}  {before[whom]:8}  {after[whom]:5}"
    if changed := [one for one in judged if one.differs]:
        yield ""
        yield f"{'WHEN (UTC)':16}  {'VM':20}  {'CALLER':24}  HAPPENED → WOULD"
        yield from map(_row, changed)
    yield ""
    yield "NOT KNOWN, OR ASSUMED"
    yield from LOST


def _row(one: _Judged) -> str:
    event = one.start.event
    why = one.would.why or f"by {one.would.rule!r}"
    change = f"{one.happened.fate} by {one.happened.rule!r} → {one.would.fate}: {why}"
    return f"{_minute(event.at):16}  {event.vm.name:20}  {event.caller.label:24}  {change}"


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _fates(judged: Sequence[_Judged], side: str) -> Counter[Fate]:
    return Counter(_side(one, side).fate for one in judged)


def _messages(judged: Sequence[_Judged], side: str) -> Counter[str]:
    return Counter(whom for one in judged for whom in _side(one, side).told)


def _side(one: _Judged, side: str) -> Outcome:
    return one.happened if side == "happened" else one.would


def _as_json(file: Path, since: datetime, judged: Sequence[_Judged]) -> dict[str, Any]:
    sides = ("happened", "would")
    return {
        "policy": str(file),
        "since": since.isoformat(),
        "starts": len(judged),
        "fates": {side: {one.value: _fates(judged, side)[one] for one in Fate} for side in sides},
        "messages": {side: dict(_messages(judged, side).most_common()) for side in sides},
        "judged": [
            {
                "vm": one.start.event.vm.resource_id,
                "at": one.start.event.at.isoformat(),
                "caller": one.start.event.caller.label,
                "approval": one.start.approval.id if one.start.approval else None,
                "differs": one.differs,
                **{side: _outcome(_side(one, side)) for side in sides},
            }
            for one in judged
        ],
        "not_known": list(LOST),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {**outcome._asdict(), "fate": outcome.fate.value, "told": list(outcome.told)}
