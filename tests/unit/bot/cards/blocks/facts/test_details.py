"""The dialog Details: all facts with sources and ages, signals, history and links, within Slack's limits."""

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answers.looks.details import Details
from bot.cards.blocks.card import approval_card
from bot.cards.blocks.details.dialog import DETAILS, details_dialog
from bot.cards.blocks.risk import in_short
from bot.cards.blocks.text import when
from bot.requests import Clicked
from deploy.sandbox.slack.blockkit import check_view
from tests import builders as b
from tests.rig import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import CopyKind
from workers.domain.errors import NotAllowed
from workers.domain.starts.defender import DefenderFacts, SecurityAlert, Severity
from workers.domain.starts.facts import (
    SOURCES,
    BackupFacts,
    Cost,
    Facts,
    GrantFact,
    GrantKind,
    LockFact,
    MissingFact,
    NetworkFacts,
)
from workers.domain.starts.past.history import History, Seen
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.signals.signal import Signal, Threat
from workers.domain.starts.signals.table import IDS
from workers.runtime.cloud import Cloud

PORTAL = "https://portal.azure.com"
PORTALS = {
    Cloud.PUBLIC: "portal.azure.com",
    Cloud.USGOV: "portal.azure.us",
    Cloud.CHINA: "portal.azure.cn",
}
"""Source: https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure and
https://learn.microsoft.com/azure/china/resources-developer-guide"""
AGO = b.NOW - timedelta(minutes=7)
SCOPE = f"/subscriptions/{b.SUBSCRIPTION}/providers/Microsoft.Authorization"

GRANT = GrantFact(id=f"{SCOPE}/roleAssignments/1", role="Owner", kind=GrantKind.STARTS, granted_at=AGO)


def signal(signal_id: str, weight: int, sentence: str = "", threat: Threat = Threat.UNAUTHORIZED) -> Signal:
    return Signal(id=signal_id, threat=threat, weight=weight, sentence=sentence or signal_id)


RISK = Risk(
    level=Level.HIGH,
    weight=60,
    by_threat={Threat.UNAUTHORIZED: Level.HIGH, Threat.MISCONFIGURED: Level.LOW},
    signals=(
        signal("no-mfa", 40, "<@U0ALICE01> signed in without a second factor (MFA)"),
        signal("never-started-this-vm", 30),
        signal("management-port-open", 20, "the Internet reaches this VM's SSH (port 22)"),
        signal("no-backup", 5, threat=Threat.MISCONFIGURED),
    ),
    harmless=("the caller's network is usual",),
    unseen={"defender-alert": "alerts of Defender for Cloud"},
    untold=("which role allowed the start",),
)


def whole() -> Approval:
    machine = b.facts().machine
    assert machine is not None
    facts = b.facts(
        machine=machine.changed(
            image="Canonical:ubuntu:server:1",
            identity="SystemAssigned",
            zones=("2",),
            disk_encryption="a key of one's own",
            failed_extensions=("agent",),
            cost=Cost(usd_per_hour=0.192, as_of="2024-12-01", region="East US"),
        ),
        backup=BackupFacts(protected=True, vault_id="/v/vault-1", recovery_point_at=AGO),
        locks=(LockFact(id=f"{SCOPE}/locks/keep", level="ReadOnly"),),
        grants=(
            GrantFact(id=f"{SCOPE}/roleAssignments/1", role="Owner", kind=GrantKind.STARTS, granted_at=AGO),
        ),
        defender=DefenderFacts(
            subscription_plan="P2",
            alerts=(SecurityAlert(name="Miner", severity=Severity.HIGH),),
            alert_count=3,
        ),
        group_tags={"team": "shop"},
        subscription_tags={},
        just_in_time=("default",),
        missing=(MissingFact(name="NIC nic-2", reason="did not come within 2 s"),),
        read_at=dict.fromkeys(SOURCES, AGO),
    )
    history = History(
        vm_starts=3, vm_days=2, usual_answerer="Alice", networks=(Seen(what="10.0.0.0/24", days=2),)
    )
    return b.approval(facts=facts, history=history, risk=RISK)


def said(approval: Approval) -> str:
    return "\n".join(block["text"]["text"] for block in details_dialog(approval, portal=PORTAL)["blocks"])


@pytest.mark.parametrize(
    "part",
    [
        "Canonical:ubuntu:server:1",
        "Managed identity: SystemAssigned",
        "Zones `2`",
        "OS disk: a key of one's own",
        "Failed extensions: `agent`",
        "About $0.19 an hour: an estimate, the list price for Linux in East US of 2024-12-01",
        "`keep`: ReadOnly on the subscription",
        "the role *Owner* on the whole subscription",
        "In the policy `default`",
        "Alert (high): Miner\nand 2 more alerts",
        "Resource group: `team` = `shop`",
        "Subscription: none",
        "NIC nic-2: did not come within 2 s",
        "Usually answered by Alice",
        "*Looked at and fine*\n\u2022 The caller's network is usual",
        "*Not looked at yet*\n\u2022 Alerts of Defender for Cloud",
        "*Azure does not tell*\n\u2022 Which role allowed the start",
        "*Unauthorized access: high*",
        "(weighs 40)",
    ],
)
def test_everything_that_is_known_is_said(part: str) -> None:
    assert part in said(whole())


def test_each_fact_has_its_source_and_its_age() -> None:
    text = said(whole())
    for source in SOURCES.values():
        assert f"{source}, read {when(AGO)}" in text


def test_it_links_the_vm_and_its_activity_log_and_nothing_ends_the_link() -> None:
    approval = whole()
    assert f"#resource{approval.event.vm.resource_id}/overview|The VM in the Azure portal>" in said(approval)
    assert "/eventlogs|Its activity log>" in said(approval)
    evil = approval.event.vm.changed(resource_id="/subscriptions/s>|<!channel>")
    hostile = approval.changed(event=approval.event.changed(vm=evil))
    assert "<!channel>" not in said(hostile)


def test_values_from_outside_mention_nobody() -> None:
    assert "<@U0ALICE01>" not in said(whole())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400), st.text(max_size=400))
def test_it_keeps_within_slacks_limits_and_counts_what_it_leaves_out(count: int, text: str) -> None:
    tags = {f"{n}{text[:100]}": text for n in range(count)}
    machine = b.facts().machine
    assert machine is not None
    facts = Facts(
        machine=machine.changed(tags=tags),
        group_tags=tags,
        network=NetworkFacts(nics=tuple(b.nic(name=text or "n") for _ in range(count % 40))),
        locks=tuple(LockFact(id=f"{SCOPE}/locks/{n}{text}", level="ReadOnly") for n in range(count)),
        missing=tuple(MissingFact(name=text, reason=text) for _ in range(count)),
    )
    risk = RISK.changed(harmless=tuple(f"{n}{text}" for n in range(count)))
    view = details_dialog(whole().changed(facts=facts, risk=risk), portal=PORTAL)
    assert check_view(view, "modal") == []
    if count > 100:
        assert "that do not fit here" in str(view)


def test_the_card_begins_with_its_strongest_signals_in_words() -> None:
    approval = whole()
    assert in_short(approval) == "*No MFA \u00b7 never started this VM \u00b7 SSH open to the Internet*"
    lead = approval_card(approval, None, kind=CopyKind.OWNER).blocks[1]["text"]["text"]
    assert lead.startswith(in_short(approval))
    assert in_short(b.approval(risk=Risk())) == in_short(b.approval(risk=None)) == ""


@pytest.mark.parametrize("signal_id", IDS)
def test_every_signal_has_a_few_words_of_its_own(signal_id: str) -> None:
    short = in_short(b.approval(risk=RISK.changed(signals=(signal(signal_id, 9, "x <!channel>"),))))
    assert 5 <= len(short) <= 40
    assert "<" not in short


@pytest.mark.parametrize("cloud", Cloud)
async def test_its_links_lead_to_the_portal_of_its_cloud(rig: Rig, cloud: Cloud) -> None:
    approval = await rig.asked()
    opened: list[Any] = []

    async def open_dialog(view: Any) -> None:
        opened.append(view)

    details = Details(services_of(rig, SimpleNamespace(), portal=cloud.places.portal))
    await details.pressed(Clicked(actor=b.actor(), value=approval.id, open_dialog=open_dialog))
    hosts = {urlsplit(found).hostname for found in re.findall(r"<(https://[^|>]+)\|", str(opened))}
    assert hosts == {PORTALS[cloud]}


async def test_whoever_counts_opens_it_from_the_card_and_a_guest_is_refused(rig: Rig) -> None:
    approval = await rig.asked()
    card = approval_card(approval, None, kind=CopyKind.CHANNEL)
    (button,) = [block["accessory"] for block in card.blocks if "accessory" in block]
    assert button["action_id"] == DETAILS
    opened: list[Any] = []

    async def open_dialog(view: Any) -> None:
        opened.append(view)

    details = Details(services_of(rig, SimpleNamespace()))
    await details.pressed(Clicked(actor=b.actor(), value=button["value"], open_dialog=open_dialog))
    assert opened == [details_dialog(approval, portal=PORTAL)]
    guest = b.actor(barred="You are a guest here.")
    with pytest.raises(NotAllowed):
        await details.pressed(Clicked(actor=guest, value=button["value"], open_dialog=open_dialog))
    assert "details.refused" in await rig.kinds()
