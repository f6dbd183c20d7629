"""``startgate policy``: whether a policy file is right, and what it makes of starts."""

from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from workers.consumers.event_shapes import parse_start_events
from workers.domain.asking.terms import steps_by_rule
from workers.domain.durations import written
from workers.domain.errors import Finding, InvalidEvent, InvalidPolicy
from workers.domain.policy.cel.variables import RuleInput, known_values
from workers.domain.policy.guards import Guards, VmInput
from workers.domain.policy.insight import look_into
from workers.domain.policy.model import Policy, Verdict
from workers.domain.policy.owners import tried
from workers.domain.policy.reading.file import policy_warnings
from workers.domain.policy.reading.json_schema import policy_schema_text
from workers.domain.policy.reading.named import named_in_slack
from workers.domain.policy.rules import Rules, Ruling, Undecided
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts, MachineFacts
from workers.domain.starts.past.entries import Past
from workers.operator.policy_file.as_json import checked, explained
from workers.operator.policy_file.init import init
from workers.operator.policy_file.replay import replay
from workers.runtime.terminal import safe_json, safe_line
from workers.use_cases.asking.assess import terms_of
from workers.use_cases.read_policy import read_policy

app = typer.Typer(no_args_is_help=True, help="The policy file.")

_EXAMPLE = resources.files(__package__).joinpath("example_start.json")
"""Event Grid's event of a start. Source: https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions"""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
File = Annotated[Path, typer.Argument(help="The YAML file.")]


@app.command("check")
def check(
    file: File,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a policy file: every error at once, as FILE:LINE:COLUMN, with its remedy. Exits 1 if any.

    Warns of rules that let a start pass by what its caller can set, such as tags alone, and of rules that
    never match since an earlier one does. With the bot's token in STARTGATE_SLACK_BOT_TOKEN (or in the file
    that STARTGATE_SLACK_BOT_TOKEN_FILE names), it also warns of channels, user groups and people that Slack
    does not know.

    Example: startgate policy check policy.yaml --strict
    """
    policy = _read(file, as_json=as_json)
    text = file.read_text(encoding="utf-8")
    in_slack, asked = _known_to_slack(policy, text)
    warned = [*policy_warnings(policy, text, path=str(file)), *in_slack]
    warned.sort(key=lambda one: (one.line, one.column))
    if as_json:
        typer.echo(safe_json(checked(str(file), [], warned), indent=2))
        raise typer.Exit(1 if warned and strict else 0)
    count = f", with {len(warned)} warning{'' if len(warned) == 1 else 's'}" if warned else ""
    typer.echo(f"{file}: fine{count}. {_in_short(policy)}")
    typer.echo(_about_rules(policy) + _about_mode(policy))
    typer.echo(f"Beyond {policy.cap.containments_per_hour} containments an hour, on-call is asked to go on.")
    if policy.never:
        typer.echo(f"Never contained: {', '.join(guard.name for guard in policy.never)}.")
    if named := [name for name in policy.channels if name.startswith("#")]:
        typer.echo(
            f"Better name {' and '.join(named)} by id (C…, at the end of the channel's"
            " details in Slack): a name has to be looked up among all channels."
        )
    typer.echo(asked)
    for one in warned:
        typer.echo(safe_line(f"{file}:{one}"), err=True)
    raise typer.Exit(1 if warned and strict else 0)


def _known_to_slack(policy: Policy, text: str) -> tuple[list[Finding], str]:
    """What Slack does not know of all that the policy names; and whether it was asked, as a sentence."""
    from workers.operator.policy_file.slack_names import (  # noqa: PLC0415 - other commands don't need Slack
        CannotAsk,
        client_at_hand,
        slack_warnings,
    )

    try:
        client = client_at_hand()
        if client is None:
            return [], "Slack was not asked whether it knows whom the policy names: no bot token is set."
        names = named_in_slack(policy, text)
        return slack_warnings(
            client, names
        ), f"Slack was asked about {len({one.name for one in names})} names."
    except CannotAsk as why:
        return [], safe_line(f"Slack could not be asked whether it knows whom the policy names: {why}.")


def _in_short(policy: Policy) -> str:
    defaults = policy.defaults
    return (
        f"Asks by tag {', '.join(policy.owner.tags)}, {_fallbacks(policy)}else in {policy.owner.fallback}; "
        f"reminds after {written(defaults.remind_after)}, "
        f"escalates after {written(defaults.escalate_after)}, "
        f"ends after {written(defaults.expire_after)}; on silence: {defaults.on_silence}; "
        f"if nobody can be asked: {defaults.on_undelivered}; "
        f"a rejection does: {', '.join(policy.lockdown.steps)}."
    )


def _fallbacks(policy: Policy) -> str:
    count = len(policy.owner.fallbacks)
    some = f"then by {count} fallback{'' if count == 1 else 's'}, " if count else ""
    return some + (f"then {', '.join(policy.owner.default)}, " if policy.owner.default else "")


@app.command("explain")
def explain(
    file: File,
    event: Annotated[
        Path | None,
        typer.Argument(
            help="A start event as JSON, in any shape that Startgate accepts; by default the one that "
            "`startgate policy example` prints."
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tags", "--tag", metavar="NAME=VALUE", help="A tag of the VM; may be given again."),
    ] = None,
    now: Annotated[
        datetime | None, typer.Option(help="When it is judged, in UTC; by default the present.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """What the rules make of a start: first the verdict, then for each rule whether it matched, or why not.

    Without tags, nothing is known of the VM that would have to be asked of Azure.

    Example: startgate policy explain policy.yaml start.json --tags env=prod
    """
    policy = _read(file)
    try:
        events, odd, _ = parse_start_events(event.read_bytes() if event else _EXAMPLE.read_bytes())
    except (InvalidEvent, OSError) as error:
        typer.echo(safe_line(f"{event}: {error}"), err=True)
        raise typer.Exit(1) from None
    if odd:
        typer.echo(safe_line(f"{event}: {len(odd)} of its events can't be understood"), err=True)
    facts = _facts(tags or [])
    rules = Rules(policy.rules)
    for start in events:
        given = _rule_input(policy, start, facts, now)
        if as_json:
            typer.echo(safe_json(explained(policy, rules, given, _verdict(rules, given))))
            continue
        _explain(policy, rules, given)
        _explain_owner(policy, given)
        _explain_risk(given)
        _explain_guards(policy, given)


@app.command("example")
def example() -> None:
    """Print a start event to begin with: change it, and have it explained.

    Example: startgate policy example
    """
    typer.echo(_EXAMPLE.read_text(encoding="utf-8"), nl=False)


@app.command("schema")
def schema() -> None:
    """Print a JSON Schema of the policy file, for editors that complete and check it while you write.

    With the YAML language server, put it beside the policy and begin that with the line
    `# yaml-language-server: $schema=policy.schema.json`. Conditions, deadlines in order and names of profiles
    are not in it: `startgate policy check` finds those.

    Example: startgate policy schema
    """
    typer.echo(policy_schema_text(), nl=False)


app.command("replay")(replay)
app.command("init")(init)


def _read(file: Path, *, as_json: bool = False) -> Policy:
    try:
        return read_policy(file)
    except InvalidPolicy as invalid:
        if as_json:
            typer.echo(safe_json(checked(str(file), list(invalid.findings), []), indent=2))
        else:
            typer.echo(invalid.diagnostics(), err=True)
        raise typer.Exit(1) from None


def _about_mode(policy: Policy) -> str:
    return (
        " Mode: observe, so nobody is asked and nothing is written to Azure; mode: enforce carries it out."
        if policy.observes
        else ""
    )


def _about_rules(policy: Policy) -> str:
    if not policy.rules:
        return "No rules: every start is asked about."
    count = len(policy.rules)
    needing = [rule.name for rule in Rules(policy.rules).needing_facts]
    told = f"need facts from Azure: {', '.join(needing)}" if needing else "none needs facts from Azure"
    return f"{count} rule{'' if count == 1 else 's'}; {told}."


def _facts(tags: list[str]) -> Facts | None:
    if not tags:
        return None
    pairs = [tag.partition("=") for tag in tags]
    if any(not equals for _, equals, _ in pairs):
        raise typer.BadParameter("a tag is written NAME=VALUE", param_hint="--tags")
    named = {name: value for name, _, value in pairs}
    return Facts(machine=MachineFacts(tags=named))


def _rule_input(policy: Policy, event: StartEvent, facts: Facts | None, now: datetime | None) -> RuleInput:
    at = now.replace(tzinfo=now.tzinfo or UTC) if now else datetime.now(UTC)
    # Nothing is remembered here, which is no missing fact: it is as for a first start.
    insight = look_into(policy, event, facts, past=Past()) if facts else None
    return RuleInput(event, at, facts, insight)


def _explain(policy: Policy, rules: Rules, given: RuleInput) -> None:
    typer.echo(_verdict(rules, given))
    ruling = _ruling(rules, given)
    if ruling is not None and (means := _means(policy, ruling)):
        typer.echo(f"  {means}")
    for one in rules.check_each(given):
        typer.echo(safe_line(f"  {one.rule.name!r}: {one.outcome}{f': {one.reason}' if one.reason else ''}"))
    typer.echo(f"{given.event.vm.resource_id!r}, {given.event.phase}")
    for name, value in known_values(given).items():
        typer.echo(f"  {name} = {value.isoformat() if isinstance(value, datetime) else repr(value)}")


def _explain_owner(policy: Policy, given: RuleInput) -> None:
    """Where an owner was looked for, in order, and who is asked."""
    if given.facts is None:
        return
    for n, place in enumerate(tried(policy.owner, given.vm, given.facts.tags)):
        typer.echo(safe_line(f"{'owner: ' if n == 0 else '  then '}{place.what}: {place.outcome}"))


def _explain_risk(given: RuleInput) -> None:
    """The level, each signal, and what is harmless; as of a first start: nothing is remembered here."""
    if given.insight is None:
        return
    risk = given.insight.risk
    unseen = f"; not known, and so up to {risk.highest}: {', '.join(risk.unseen)}" if risk.unseen else ""
    typer.echo(safe_line(f"risk: {risk.level} ({risk.weight}){unseen}"))
    for one in risk.signals:
        typer.echo(safe_line(f"  {one.id} ({one.threat}, {one.weight}): {one.sentence}"))
    for threat, level in risk.by_threat.items():
        typer.echo(safe_line(f"  {threat} by itself: {level}"))
    for what, words in (("harmless", risk.harmless), ("not told by the event", risk.untold)):
        if words:
            typer.echo(safe_line(f"  {what}: {'; '.join(words)}"))


def _explain_guards(policy: Policy, given: RuleInput) -> None:
    if not policy.never:
        return
    judged = Guards(policy.never).judge(VmInput(given.vm, given.facts, given.owner))
    if judged.guard:
        typer.echo(safe_line(f"never contained: in the guarded set, by {judged.guard!r}"))
    elif judged.doubt:
        typer.echo(safe_line(f"never contained: {judged.doubt}; the workers read the VM before they act"))
    else:
        typer.echo("never contained: no, the VM is not in the guarded set")


def _verdict(rules: Rules, given: RuleInput) -> str:
    ruling = _ruling(rules, given)
    if ruling is None:
        needing = rules.needing_facts[0].name
        return f"verdict: not without facts; rule {needing!r} needs them. Give --tags NAME=VALUE."
    if ruling.rule is None:
        return f"verdict: {ruling.verdict}, by the defaults: no rule matches"
    return f"verdict: {ruling.verdict}, by rule {ruling.name!r}"


def _ruling(rules: Rules, given: RuleInput) -> Ruling | None:
    """``None`` if it takes facts that are not given."""
    ruling = rules.early(given.event, given.now)
    if not isinstance(ruling, Undecided):
        return ruling
    if given.facts is None or given.insight is None:
        return None
    return ruling.decide(given.facts, given.insight)


def _means(policy: Policy, ruling: Ruling) -> str:
    """What comes of it, where that is not what the verdict's word says."""
    if policy.observes and ruling.verdict is not Verdict.PASS:
        return "only recorded: the mode is observe"
    terms = terms_of(policy, ruling)
    match ruling.verdict:
        case Verdict.TELL:
            return f"announced, can be rejected for {written(terms.expire_after)}; nobody is asked"
        case Verdict.CONTAIN:
            steps = ", ".join(steps_by_rule(terms))
            return f"contained at once, without asking, by {terms.lockdown.name!r}: {steps}"
    return ""
