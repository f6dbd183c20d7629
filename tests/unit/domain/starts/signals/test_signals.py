"""Each signal: what it is found in, its sentence, and the start that only looks like it, its near miss."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests import builders as a
from workers.domain.starts.defender import DefenderFacts, SecurityAlert, Severity
from workers.domain.starts.events import Access, CallerKind
from workers.domain.starts.facts import (
    ASSIGNMENTS,
    BackupFacts,
    Facts,
    GrantFact,
    GrantKind,
    MissingFact,
    NetworkFacts,
)
from workers.domain.starts.owners.tags_before import OwnerChange
from workers.domain.starts.past.history import History, Seen
from workers.domain.starts.people import Owner
from workers.domain.starts.risk_settings import Hours, RiskSettings
from workers.domain.starts.signals.signal import Fine, Found, Sight, SignalSpec, Unseen
from workers.domain.starts.signals.table import IDS, SIGNALS

MALLORY = a.caller(name="Mallory", email="mallory@contoso.com", object_id="eeee")
ROBOT = a.caller(kind=CallerKind.SERVICE_PRINCIPAL, name="deployer", email="", mfa=None, app_id="b0")
NIGHTS = tuple(12 if hour in (2, 3) else 0 for hour in range(24))
DAYS = tuple(4 if 7 <= hour <= 16 else 0 for hour in range(24))
AT_SIX = a.NOW.replace(hour=6, minute=5)
OFFICE = Hours(begin="07:00", end="19:00", zone="Europe/Berlin")
HOME = (Seen(what="198.51.100.0/24", days=41),)
TRIP = (Seen(what="198.51.100.0/24", days=2),)
SINCE = a.NOW - timedelta(hours=3)
SUBSCRIPTION = f"/subscriptions/{a.SUBSCRIPTION}"


def sight(
    caller: Any = None,
    *,
    facts: Facts | None = None,
    owner: Owner | None = None,
    change: OwnerChange | None = None,
    contained: bool = False,
    settings: RiskSettings | None = None,
    event: dict[str, Any] | None = None,
    **history: Any,
) -> Sight:
    """Alice starts her VM, but for what is said otherwise; the rest is of the history."""
    return Sight(
        event=a.start_event(caller=caller or a.caller(), **(event or {})),
        facts=facts or a.facts(),
        owner=owner or a.owner(),
        settings=settings or RiskSettings(),
        history=History.model_validate({"caller_known": True, **history}, extra="forbid"),
        owner_change=change,
        contained=contained,
    )


def role(name: str, scope: str) -> Sight:
    return sight(event={"access": Access(role=name, scope=scope)})


def granted(
    at: datetime | None = None,
    *,
    role: str = "Virtual Machine Contributor",
    scope: str = f"{SUBSCRIPTION}/resourceGroups/rg-web",
    settings: RiskSettings | None = None,
) -> Sight:
    """The event does not say by which right; Azure's list says this one."""
    grant_id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/1"
    grant = GrantFact(id=grant_id, role=role, kind=GrantKind.STARTS, granted_at=at)
    return sight(facts=a.facts(grants=(grant,)), event={"access": None}, settings=settings)


class Case(NamedTuple):
    """``sentence`` is what is said of ``found``; ``near`` is harmless, or no question of this signal."""

    signal: str
    found: Sight
    sentence: str
    near: Sight


def alerted(*severities: Severity) -> DefenderFacts:
    alerts = tuple(SecurityAlert(name="Crypto miner", severity=severity) for severity in severities)
    return DefenderFacts(subscription_plan="P2", alerts=alerts, alert_count=len(alerts))


CASES = [
    Case(
        "not-owner",
        sight(MALLORY),
        "“Mallory” is not the owner of this VM; its tag names “alice@contoso.com”",
        sight(a.caller(email="ALICE@contoso.com")),
    ),
    Case(
        "not-owner",
        sight(MALLORY, owner=a.owner(emails=("mallory@contoso.com",)), change=OwnerChange(a.owner(), SINCE)),
        "“Mallory” owns this VM only since its owner tag was changed",
        sight(owner=a.owner(emails=("mallory@contoso.com",)), change=OwnerChange(a.owner(), SINCE)),
    ),
    Case(
        "not-owner",
        sight(MALLORY, owner=a.owner(emails=("a@x.com", "b@x.com", "c@x.com"))),
        "“Mallory” is not the owner of this VM; its tag names “a@x.com” and 2 others",
        sight(MALLORY, owner=a.owner(emails=(), slack_users=("U0ALICE01",))),
    ),
    Case(
        "never-started-this-vm",
        sight(vm_starts=5, callers=2, by_caller=0),
        "this caller never started this VM; 2 others did so 5 times",
        sight(vm_starts=5, callers=2, by_caller=1),
    ),
    Case(
        "never-started-this-vm",
        sight(vm_starts=5, callers=1, by_caller=0),
        "this caller never started this VM; 1 other did so 5 times",
        sight(vm_starts=4, callers=1, by_caller=0),  # too few to be a habit
    ),
    Case(
        "first-start-in-days",
        sight(vm_starts=1, vm_last_at=a.NOW - timedelta(days=31)),
        "this is the first start of this VM in 30 days; the last one was 2026-10-24 03:50 UTC",
        sight(vm_starts=1, vm_last_at=a.NOW - timedelta(days=30)),  # a minute less than that
    ),
    Case(
        "owner-tag-changed",
        sight(owner=a.owner(emails=("mallory@contoso.com",)), change=OwnerChange(a.owner(), SINCE)),
        "the owner tag of this VM names “mallory@contoso.com” since 2026-11-24 00:50 UTC; "
        "before, it named “alice@contoso.com”",
        sight(owner=a.owner(emails=("mallory@contoso.com",))),  # for longer than a day
    ),
    Case(
        "owner-tag-changed",
        sight(change=OwnerChange(a.owner(emails=()), SINCE)),
        "the owner tag of this VM names “alice@contoso.com” since 2026-11-24 00:50 UTC; "
        "before, it named nobody",
        sight(),
    ),
    Case(
        "outside-usual-hours",
        sight(event={"at": AT_SIX}, vm_starts=24, vm_hours=NIGHTS),
        "started at 06:05 UTC; none of this VM's 24 earlier starts was within an hour of that, "
        "but all of them between 02:00 and 04:00 UTC",
        sight(event={"at": a.NOW.replace(hour=4, minute=59)}, vm_starts=24, vm_hours=NIGHTS),
    ),
    Case(
        "outside-policy-hours",
        sight(settings=RiskSettings(hours=OFFICE)),
        "started at 2026-11-24 03:49 UTC, outside the policy's hours "
        "(mon, tue, wed, thu, fri 07:00 to 19:00 Europe/Berlin)",
        sight(event={"at": AT_SIX}, settings=RiskSettings(hours=OFFICE)),  # 07:05 in Berlin
    ),
    Case(
        "application-outside-its-hours",
        sight(ROBOT, event={"at": AT_SIX}, caller_starts=24, caller_days=12, caller_hours=NIGHTS),
        "this service principal started 24 VMs on 12 days, all of them between 02:00 and 04:00 UTC, "
        "and never around 06:05 UTC",
        sight(ROBOT, caller_starts=24, caller_days=12, caller_hours=NIGHTS),  # at 03:49
    ),
    Case(
        "no-mfa",
        sight(a.caller(mfa=False)),
        "“Alice Example” signed in without a second factor (MFA)",
        sight(a.caller(mfa=True)),
    ),
    Case(
        "signin-elsewhere",
        sight(a.caller(ip="192.0.2.66", signin_ip="203.0.113.7")),
        "the request came from 192.0.2.66, but the sign-in from 203.0.113.7: the token may be in other hands",
        sight(a.caller(ip="203.0.113.66", signin_ip="203.0.113.7")),  # one network
    ),
    Case(
        "new-address",
        sight(a.caller(ip="192.0.2.66"), caller_starts=50, caller_days=41, networks=HOME, networks_count=1),
        "started from 192.0.2.66; this account has used 198.51.100.0/24 on 41 of 41 days, "
        "and never this network",
        sight(
            a.caller(ip="192.0.2.66"),
            caller_starts=50,
            caller_days=41,
            networks=HOME,
            networks_count=2,
            network_days=1,
        ),
    ),
    Case(
        "new-address",
        sight(a.caller(ip="192.0.2.66"), caller_starts=5, caller_days=4, networks=TRIP, networks_count=2),
        "started from 192.0.2.66; this account has used 198.51.100.0/24 on 2 of 4 days, "
        "and never this network",
        sight(a.caller(ip="192.0.2.66"), caller_starts=5, caller_days=4, networks=TRIP, networks_count=3),
    ),
    Case(
        "doubted-address",
        sight(a.caller(ip="192.0.2.66"), settings=RiskSettings(doubted=("192.0.2.64/26",))),
        "started from 192.0.2.66, in 192.0.2.64/26, which the policy doubts",
        sight(a.caller(ip="192.0.2.63"), settings=RiskSettings(doubted=("192.0.2.64/26",))),
    ),
    Case(
        "untrusted-address",
        sight(a.caller(ip="203.0.114.0"), settings=RiskSettings(trusted=("203.0.113.0/24",))),
        "started from 203.0.114.0, outside every range that the policy trusts",
        sight(a.caller(ip="::ffff:203.0.113.255"), settings=RiskSettings(trusted=("203.0.113.0/24",))),
    ),
    Case(
        "unknown-client",
        sight(a.caller(app_id="1234"), caller_days=3, clients=(Seen(what=a.AZURE_CLI, days=3),)),
        "started with the unknown client “1234”; this account has used “Azure CLI” on 3 of 3 days",
        sight(a.caller(app_id="1234"), client_days=1),
    ),
    Case(
        "unknown-client",
        sight(a.caller(app_id="1234")),
        "started with the unknown client “1234”",
        sight(a.caller(app_id=a.AZURE_CLI.upper())),
    ),
    Case(
        "many-vms",
        sight(recent_vms=5),
        "this caller has started 5 VMs within 10 minutes",
        sight(recent_vms=4),
    ),
    Case(
        "many-vms",
        sight(recent_vms=50, busy_days=2),
        "this caller has started 50 VMs within 10 minutes",
        sight(recent_vms=50, busy_days=3),  # as every night
    ),
    Case(
        "failed-attempts",
        sight(failed_before=3),
        "3 starts by this caller or of this VM failed within 60 minutes before this one",
        sight(failed_before=2),
    ),
    Case(
        "caller-rejected",
        sight(caller_known=True, caller_rejected_at=a.NOW - timedelta(hours=24)),
        "a start by this same caller was rejected 2026-11-23 03:50 UTC",
        sight(caller_known=True, caller_rejected_at=a.NOW - timedelta(hours=24, minutes=2)),
    ),
    Case(
        "rejected-before",
        sight(vm_starts=1, rejected_at=a.NOW - timedelta(hours=24)),
        "a start of this VM was rejected 2026-11-23 03:50 UTC, and it is started again",
        sight(vm_starts=1, rejected_at=a.NOW - timedelta(hours=24, minutes=2)),
    ),
    Case(
        "while-contained",
        sight(contained=True),
        "this VM is contained or being restored, and somebody starts it",
        sight(contained=False),
    ),
    Case(
        "defender-alert",
        sight(facts=a.facts(defender=alerted(Severity.HIGH, Severity.MEDIUM, Severity.LOW))),
        "Defender for Cloud has an open alert for this VM: “Crypto miner” and 1 more alert",
        sight(facts=a.facts(defender=alerted(Severity.LOW, Severity.INFORMATIONAL))),
    ),
    Case(
        "role-too-wide",
        role("Contributor", SUBSCRIPTION),
        "the role “Contributor” on the whole subscription allowed it; "
        "Virtual Machine Contributor on this VM is enough for it",
        role("Contributor", f"{SUBSCRIPTION}/resourceGroups/rg-web"),
    ),
    Case(
        "role-too-wide",
        role("owner", "/"),
        "the role “owner” on the whole tenant allowed it; "
        "Virtual Machine Contributor on this VM is enough for it",
        role("Virtual Machine Contributor", "/"),
    ),
    Case(
        "role-too-wide",
        role("User Access Administrator", "/providers/Microsoft.Management/managementGroups/all"),
        "the role “User Access Administrator” on a management group allowed it; "
        "Virtual Machine Contributor on this VM is enough for it",
        role("User Access Administrator", a.vm_ref().resource_id),
    ),
    Case(
        "role-too-wide",
        granted(role="Contributor", scope=SUBSCRIPTION),
        "the caller has the role “Contributor” on the whole subscription; "
        "Virtual Machine Contributor on this VM is enough for it",
        granted(role="Contributor", scope=f"{SUBSCRIPTION}/resourceGroups/rg-web"),
    ),
    Case(
        "fresh-right",
        granted(a.NOW - timedelta(hours=23)),
        "the caller was given the role “Virtual Machine Contributor” 2026-11-23 04:50 UTC, "
        "shortly before the start",
        granted(a.NOW - timedelta(hours=24, minutes=2)),
    ),
    Case(
        "fresh-right",
        granted(a.NOW - timedelta(hours=2), settings=RiskSettings(granted_hours=3)),
        "the caller was given the role “Virtual Machine Contributor” 2026-11-24 01:50 UTC, "
        "shortly before the start",
        granted(a.NOW + timedelta(minutes=1)),  # it can't have allowed the start
    ),
    Case(
        "management-port-open",
        sight(facts=a.facts(network=NetworkFacts(open_ports=(a.open_port(ports="3380-3400"),)))),
        "the Internet reaches this VM's RDP (port 3389) by rule “allow-ssh”",
        sight(facts=a.facts(network=NetworkFacts(open_ports=(a.open_port(ports="443"),)))),
    ),
    Case(
        "management-port-open",
        sight(facts=a.facts(network=NetworkFacts(open_ports=(a.open_port(ports="*", rule=""),)))),
        "the Internet reaches this VM's SSH (port 22)",
        sight(facts=a.facts(network=NetworkFacts(open_ports=(a.open_port(protocol="Udp"),)))),
    ),
    Case(
        "no-nsg",
        sight(facts=a.facts(network=NetworkFacts(nics=(a.nic(nsg_id=None),)))),
        "the NIC “vm-web-01-nic” has no network security group, nor has its subnet",
        sight(facts=a.facts(network=NetworkFacts(nics=(a.nic(nsg_id=None, subnet_nsg_id="/nsg"),)))),
    ),
    Case(
        "no-backup",
        sight(facts=a.facts(backup=BackupFacts(protected=False))),
        "this VM has no backup in Azure Backup",
        sight(facts=a.facts(backup=BackupFacts(protected=True))),
    ),
]


def spec(signal_id: str) -> SignalSpec:
    return next(one for one in SIGNALS if one.id == signal_id)


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.signal}" for n, case in enumerate(CASES)])
def test_a_signal_is_found_with_its_evidence_and_not_in_its_near_miss(case: Case) -> None:
    look = spec(case.signal).look
    assert look(case.found) == Found(case.sentence)
    assert not isinstance(look(case.near), Found)


def test_every_signal_has_a_case_and_an_id_of_its_own() -> None:
    assert {case.signal for case in CASES} == set(IDS)
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("one", SIGNALS, ids=IDS)
def test_no_signal_is_found_where_nothing_is_known(one: SignalSpec) -> None:
    """A fact that is missing is named, and never taken for a sign of anything."""
    unknown = a.caller(
        kind=CallerKind.UNKNOWN, name="", email="", object_id="", app_id="", ip="", signin_ip="", mfa=None
    )
    event = a.start_event(caller=unknown, access=None)
    nothing = Sight(event, Facts(), Owner(source="the VM's tags could not be read"), RiskSettings())
    assert not isinstance(one.look(nothing), Found)


def test_what_only_the_event_could_tell_is_told_from_what_can_be_read_later() -> None:
    quiet = sight(a.caller(mfa=None), event={"access": None}, facts=Facts())
    assert spec("no-mfa").look(quiet) == Unseen("whether a second factor was used", readable=False)
    assert spec("role-too-wide").look(quiet) == Unseen("which role allowed the start", readable=False)
    assert spec("no-backup").look(quiet) == Unseen("whether the VM is backed up")
    assert spec("defender-alert").look(quiet) is None, "Defender for Cloud may not be in use"
    late = sight(facts=Facts(missing=(MissingFact(name="Defender", reason="too late"),)))
    assert spec("defender-alert").look(late) == Unseen("alerts of Defender for Cloud")


def test_a_right_that_could_not_be_read_yet_is_not_taken_for_an_old_one() -> None:
    late = Facts(missing=(MissingFact(name=ASSIGNMENTS, reason="too late"),))
    quiet = sight(event={"access": None}, facts=late)
    assert spec("fresh-right").look(quiet) == Unseen("how long the caller has had the right")
    assert spec("role-too-wide").look(quiet) == Unseen("which role allowed the start")
    old = granted(a.NOW - timedelta(days=300))
    assert spec("fresh-right").look(old) == Fine(
        "the caller's newest right here was given 2026-01-28 03:50 UTC"
    )


def test_a_service_principal_is_measured_by_its_habits_not_by_those_of_people() -> None:
    robot = sight(ROBOT, caller_starts=50, caller_days=41, networks=HOME)
    for signal_id in ("not-owner", "no-mfa", "new-address", "unknown-client"):
        assert spec(signal_id).look(robot) is None


def test_the_habit_of_a_network_is_told_where_it_is_harmless() -> None:
    usual = sight(caller_starts=50, caller_days=41, networks=HOME, network_days=40)
    assert spec("new-address").look(usual) == Fine("the caller used this network on 40 of 41 days")
