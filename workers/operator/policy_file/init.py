"""``startgate policy init``: a first policy file, commented, from a few answers."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import TypeAdapter, ValidationError

from workers.domain.errors import InvalidPolicy
from workers.domain.policy.model import OnSilence
from workers.domain.policy.reading.file import load_policy
from workers.domain.policy.reading.spelling import Channel, SlackUser, Usergroup
from workers.operator.session import BROKEN, fail
from workers.runtime.terminal import safe_line

_FILE = """\
# The policy of Startgate: whom to ask about a start, and what happens when nobody answers.
# Check it before you deploy it: startgate policy check {name}
# What it makes of a start: startgate policy explain {name} --tag owner=you@example.com
# For editors: startgate policy schema > policy.schema.json, and begin this file with the line
#   # yaml-language-server: $schema=policy.schema.json

owner:
  # Tags that name a VM's owner, by e-mail address or Slack id; the first that a VM has counts.
  tags: {tags}
  # Who owns VMs whose tags name nobody: the first of these that fits, each by person, user group or channel.
  # fallbacks: [{{resource_group: rg-shop, ask: [olivia@example.com, S0123ABCD9, "#web-team"]}}]
  # Where starts are asked about whose VM has no known owner.
  fallback: {fallback}

oncall:
  # Who decides when owners don't, and may lock down and restore any VM.
  {who}
  channel: {channel}

defaults:
  # Counted from when the question reached Slack.
  remind_after: 10m
  escalate_after: 20m # on-call is asked, too
  expire_after: 60m # then nobody has answered
  # leave: nothing happens. escalate: on-call is told. isolate: the VM's network is cut off.
  # contain: what a rejection does, as far as it can be done without a person.
  on_silence: {silence}
  lockdown: standard

# At low risk, owners get no message in these hours, but when they end. Deadlines count from that message.
# quiet_hours: {{zone: Europe/Berlin, begin: "22:00", end: "07:00"}}

# What takes two persons: one asks for it, and somebody else confirms. access: expecting a start, delegating
# answers, and pausing all changes in Azure.
# two_person: [confirm, restore, access]

# Rules are tried in order, and the first whose condition holds decides. Where none does, the owner is asked.
# Let a start pass by who it is, never by tags alone: who may change a VM can set its tags.
# rules:
#   - name: nightly builds
#     when: caller.app_id == "00000000-0000-0000-0000-000000000000" && now.getHours("Europe/Berlin") < 6
#     verdict: pass
#   - name: production at high risk
#     when: vm.tags["env"] == "prod" && risk.level == "high"
#     expire_after: 10m
#     on_silence: contain

# VMs that are never contained, such as domain controllers and what Startgate itself runs on.
# never:
#   - name: domain controllers
#     when: vm.tags["role"] == "dc"

lockdowns:
  # What a rejection does. Each step is read back before a VM counts as contained, and can be undone.
  standard:
    steps: [isolate, stop, backup]
    # Who can still connect to an isolated VM.
    # isolate:
    #   allow:
    #     - {{name: bastion, source: 10.0.9.0/26, ports: ["22", "3389"], protocol: Tcp}}
"""


def _each(text: str) -> list[str]:
    return [one for one in re.split(r"[,\s]+", text.strip()) if one]


def _checked(kind: Any) -> Callable[[str], str]:
    adapter: TypeAdapter[str] = TypeAdapter(kind)

    def read(text: str) -> str:
        try:
            return adapter.validate_python(text.strip())
        except ValidationError as error:
            said = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise typer.BadParameter(safe_line(said)) from None

    return read


def _tags(text: str) -> str:
    tags = [one.strip() for one in text.split(",") if one.strip()]
    if not tags:
        raise typer.BadParameter("name at least one tag, such as owner")
    return ", ".join(tags)


def _who(text: str) -> str:
    people = _each(text)
    if not people:
        raise typer.BadParameter("name a user group (S…), or people (U…)")
    if len(people) == 1 and people[0].startswith("S"):
        return _checked(Usergroup)(people[0])
    return ", ".join(map(_checked(SlackUser), people))


def _free(file: Path) -> Path:
    """Said before anything is asked."""
    return _taken(file) if file.exists() else file


def _taken(file: Path) -> NoReturn:
    fail(BROKEN, safe_line(f"{file} exists, and is left alone. Name another file, or move it away."))


def init(
    file: Annotated[
        Path, typer.Argument(callback=_free, is_eager=True, help="The file to write; it must not exist.")
    ] = Path("policy.yaml"),
    *,
    tags: Annotated[
        str,
        typer.Option(parser=_tags, metavar="NAMES", prompt="Tags that name a VM's owner", help="By commas."),
    ] = "owner, contact",
    fallback: Annotated[
        str,
        typer.Option(
            parser=_checked(Channel),
            metavar="CHANNEL",
            prompt="Channel for VMs without a known owner (an id, C…, is better than a #name)",
            help="Where starts of VMs without a known owner are asked about.",
        ),
    ] = "#vm-approvals",
    oncall_channel: Annotated[
        str,
        typer.Option(
            parser=_checked(Channel),
            metavar="CHANNEL",
            prompt="Channel of on-call",
            help="Where on-call is told.",
        ),
    ] = "#vm-oncall",
    oncall: Annotated[
        str,
        typer.Option(
            parser=_who,
            metavar="IDS",
            prompt="Who is on call: the id of a Slack user group (S…), or ids of people (U…)",
            help="The id of a Slack user group, or ids of people by commas.",
            show_default=False,
        ),
    ],
    on_silence: Annotated[
        OnSilence, typer.Option(prompt="If nobody answers", help="What happens if nobody answers.")
    ] = OnSilence.ESCALATE,
) -> None:
    """Write a first policy file with comments. Asks what is not given as an option; never overwrites.

    Ctrl-C ends it, and nothing is written.

    Example: startgate policy init policy.yaml
    """
    text = _FILE.format(
        name=safe_line(file.name),
        tags=_listed(tags.split(", ")),
        fallback=json.dumps(fallback),
        who=_whom(oncall),
        channel=json.dumps(oncall_channel),
        silence=on_silence.value,
    )
    try:
        load_policy(text, path=str(file))
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except InvalidPolicy as invalid:
        fail(BROKEN, f"Nothing was written. {invalid.diagnostics()}")
    except FileExistsError:
        _taken(file)
    except OSError as error:
        fail(BROKEN, safe_line(f"{file} can't be written: {error}"))
    typer.echo(safe_line(f"{file} is written. Read it, then: startgate policy check {file}"))


def _listed(names: list[str]) -> str:
    """A list in YAML; JSON is YAML, whatever is in the texts."""
    return json.dumps(names)


def _whom(who: str) -> str:
    return f"usergroup: {who}" if who.startswith("S") else f"users: {_listed(who.split(', '))}"
