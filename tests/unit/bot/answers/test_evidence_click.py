"""The button Evidence: on-call alone gets a verifiable file; the VM's owner is told what there is."""

import hashlib
from collections.abc import Sequence

import pytest

from bot.answers.looks.evidence import EvidenceClick
from bot.requests import Clicked, View
from bot.slack.errors import Refused
from bot.slack.files import SentFile
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.errors import NotAllowed, NotFound, NotYet
from workers.domain.ids import reference
from workers.domain.ports.evidence import EvidenceFile
from workers.domain.starts.people import Actor

SAM = a.actor(slack_user="U0SAM00001", name="Sam", email="sam@contoso.com")
CONTENT = b"a zip"
MADE = EvidenceFile("evidence-c0a1b2c3d.zip", CONTENT, hashlib.sha256(CONTENT).hexdigest(), "0f" * 32)


class Evidence:
    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, reference: str, by: str) -> EvidenceFile:
        self.asked.append((reference, by))
        if self._failure is not None:
            raise self._failure
        return MADE


class Files:
    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure
        self.sent: list[tuple[str, str, Sequence[SentFile]]] = []

    async def send(self, user: str, text: str, files: Sequence[SentFile]) -> None:
        if self._failure is not None:
            raise self._failure
        self.sent.append((user, text, files))


async def _none(view: View) -> None:
    raise AssertionError(view)


async def press(
    rig: Rig, value: str, who: Actor, evidence: Evidence | None = None, files: Files | None = None
) -> str:
    services = services_of(rig, None, evidence=evidence or Evidence(), files=files or Files())
    clicked = Clicked(actor=who, value=value, open_dialog=_none)
    return (await EvidenceClick(services).pressed(clicked)).says


async def test_on_call_gets_the_file_with_its_digest_and_how_to_verify_it(rig: Rig) -> None:
    rejected = await rig.rejected()
    evidence, files = Evidence(), Files()
    said = await press(rig, rejected.id, a.oncall(), evidence, files)
    assert evidence.asked == [(rejected.id, a.oncall().label)]
    ((user, text, (file,)),) = files.sent
    assert user == a.oncall().slack_user
    assert (file.name, file.content) == (MADE.name, CONTENT)
    assert f"SHA-256 of the file: `{MADE.sha256}`" in text
    assert f"`startgate evidence --verify {MADE.name} --sha256 {MADE.manifest_sha256}`" in text
    assert "in your messages with Startgate" in said


async def test_the_owner_gets_no_file_and_is_told_how_an_operator_gets_it(rig: Rig) -> None:
    rejected = await rig.rejected()
    evidence, files = Evidence(), Files()
    said = await press(rig, rejected.id, a.actor(), evidence, files)
    assert f"`startgate evidence {reference(rejected.cards[0])}`" in said
    assert "`vm-web-01`" in said
    assert (evidence.asked, files.sent) == ([], [])


@pytest.mark.parametrize(
    ("evidence", "files", "why"),
    [
        (Evidence(NotYet("The audit around it has too many records.")), Files(), "too many records"),
        (Evidence(), Files(Refused("missing_scope")), "Slack did not take the file (missing_scope)"),
    ],
)
async def test_where_there_is_no_file_the_command_is_named(
    rig: Rig, evidence: Evidence, files: Files, why: str
) -> None:
    rejected = await rig.rejected()
    said = await press(rig, rejected.id, a.oncall(), evidence, files)
    assert why in said
    assert f"`startgate evidence {reference(rejected.cards[0])}`" in said


async def test_nobody_else_is_and_the_try_is_audited(rig: Rig) -> None:
    rejected = await rig.rejected()
    evidence = Evidence()
    with pytest.raises(NotAllowed):
        await press(rig, rejected.id, SAM, evidence)
    assert evidence.asked == []
    assert (await rig.audit())[-1].kind == "evidence.refused"
    with pytest.raises(NotFound):
        await press(rig, "nonsense", a.oncall())
