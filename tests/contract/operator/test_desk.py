"""Answering, locking down and restoring at the command line: by whom, and what is on record of it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from pydantic import SecretStr
from typer.testing import Result

from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.entra.server import EntraServer
from deploy.sandbox.servicebus.server import BusServer
from tests import builders as a
from tests.contract.arm.driver import machine
from tests.contract.operator.command_line import CommandLine
from tests.contract.operator.signing_in import SigningIn
from tests.valkey_server import Valkey
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.ids import partition_of_vm, reference
from workers.domain.ports.clock import SystemClock
from workers.domain.ports.store import Commit
from workers.domain.starts.events import Caller, CallerKind
from workers.domain.starts.people import Owner
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.vm import VmRecord, VmRef
from workers.store.connection import connect
from workers.store.redis_store import RedisStore

NADIA_OID = "a0000000-0000-4000-8000-000000000003"
POLICY = {
    "owner": {"tags": ["owner"], "fallback": "#vm-approvals"},
    "oncall": {"usergroup": "S0ONCALL01", "channel": "#vm-oncall", "entra": [NADIA_OID]},
    "lockdowns": {"standard": {"steps": ["isolate", "stop"]}},
}
OLIVIA_S = Owner(emails=("olivia@contoso.example",), source="tag owner")


class World:
    """The stand-ins, a store with a question about web-01, and a command line."""

    def __init__(self, line: CommandLine, store: RedisStore, directory: Path, signing: SigningIn) -> None:
        self.line, self.store, self.signing, self._directory = line, store, signing, directory
        self.policy()
        self.vm = VmRef.parse(machine(line.arm, "web-01").id)

    def policy(self, **changes: object) -> None:
        path = self._directory / "policy.yaml"
        path.write_text(json.dumps(POLICY | changes), encoding="utf-8")
        self.line.policy(path)

    async def __call__(self, who: str, *words: str) -> Result:
        self.signing.who(who)
        return await self.line(*words)

    async def asked(
        self, caller: Caller | None = None, *, owner: Owner = OLIVIA_S, **changes: object
    ) -> Approval:
        event = a.start_event(vm=self.vm, caller=caller or a.caller())
        approval = a.approval(version=0, event=event, owner=owner, **changes)
        record = VmRecord(vm=self.vm, open_approvals=(approval.id,))
        await self.store.commit(Commit(partition=partition_of_vm(self.vm.key), documents=(approval, record)))
        return approval

    async def contained(self) -> Containment:
        held = a.containment(vm=self.vm, version=0, state=ContainmentState.CONTAINED)
        record = VmRecord(vm=self.vm, containment_id=held.id)
        await self.store.commit(Commit(partition=partition_of_vm(self.vm.key), documents=(held, record)))
        return held

    async def audited(self, kind: str) -> list[dict[str, object]]:
        shown = await self.line("audit", "show", "--json", "--kind", kind)
        return [json.loads(line) for line in shown.stdout.splitlines()]


@pytest_asyncio.fixture
async def world(
    arm: AzureServer, valkey: Valkey, bus_server: BusServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    line = CommandLine(arm, valkey, monkeypatch)
    monkeypatch.setenv("STARTGATE_SERVICEBUS_CONNECTION", bus_server.connection)
    entra = EntraServer()
    await entra.start()
    await line.take_inventory()
    async with connect(SecretStr(valkey.url)) as client:
        yield World(line, RedisStore(client), tmp_path, SigningIn(entra, tmp_path, monkeypatch))
    await entra.stop()


class TestDeciding:
    async def test_the_owner_s_rejection_contains_and_is_on_record_as_theirs(self, world: World) -> None:
        asked = await world.asked()
        done = await world("olivia", "decide", reference(asked.id), "reject", "--reason", "not mine", "--yes")
        assert done.exit_code == 0, done.output
        assert "Rejected. web-01 is being contained" in done.stdout.splitlines()[-1]
        stored = await world.store.approval(asked.id)
        assert stored.state is ApprovalState.REJECTED
        assert stored.containment_id is not None
        (record,) = await world.audited("approval.rejected")
        oid = world.signing.oid("olivia")
        assert record["by"] == f"olivia@contoso.example (entra:{oid})"
        details = record["details"]
        assert isinstance(details, dict)
        assert (details["via"], details["reason"], details["owner"]) == ("command line", "not mine", True)

    async def test_a_stranger_may_not_and_the_attempt_is_on_record(self, world: World) -> None:
        asked = await world.asked()
        done = await world("colin", "decide", asked.id, "reject", "--reason", "x", "--yes")
        assert done.exit_code == 3
        assert "Only the VM's owner or on-call can reject this start" in done.output
        assert (await world.store.approval(asked.id)).open
        (record,) = await world.audited("decision.refused")
        assert str(record["by"]).startswith("colin@contoso.example (entra:")

    async def test_a_group_s_member_is_told_that_only_slack_knows_and_on_call_decides(
        self, world: World
    ) -> None:
        team = Owner(usergroups=("S0SHOP0001",), channels=("#shop",), source="tag owner")
        asked = await world.asked(owner=team)
        done = await world("olivia", "decide", asked.id, "confirm", "--reason", "mine", "--yes")
        assert done.exit_code == 3
        assert "Only Slack knows who is in S0SHOP0001, #shop, and it is not asked here." in done.output
        assert "whoever the policy's oncall.entra names" in done.output
        oncall = await world("nadia", "decide", asked.id, "confirm", "--reason", "they said so", "--yes")
        assert oncall.exit_code == 0, oncall.output

    async def test_the_second_answer_is_told_who_was_faster(self, world: World) -> None:
        asked = await world.asked()
        await world("olivia", "decide", asked.id, "confirm", "--reason", "mine", "--yes")
        late = await world("nadia", "decide", asked.id, "reject", "--reason", "late", "--yes")
        assert late.exit_code == 1
        assert "Confirmed by Olivia Owner" in late.output

    async def test_whoever_started_it_at_high_risk_cannot_confirm_it(self, world: World) -> None:
        caller = Caller(
            kind=CallerKind.USER, name="Nadia", object_id=NADIA_OID, email="nadia@contoso.example"
        )
        high = Risk(level=Level.HIGH, weight=9)
        approval = await world.asked(caller, risk=high, level=Level.HIGH)
        done = await world("nadia", "decide", approval.id, "confirm", "--reason", "mine", "--yes")
        assert done.exit_code == 3
        assert "somebody else has to confirm it" in done.output

    async def test_it_asks_before_it_does_and_shows_what_is_decided(self, world: World) -> None:
        asked = await world.asked()
        done = await world("olivia", "decide", asked.id, "reject", "--reason", "x")
        assert done.exit_code == 1  # nobody answers
        assert "web-01: was this start expected?" in done.stdout
        assert (await world.store.approval(asked.id)).open

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ("nonsense", "is no reference"),
            ("a0123456789", "may have been answered"),
            ("c0123456789", "is no ref"),
        ],
    )
    async def test_an_unknown_reference_says_where_to_look(self, world: World, typed: str, said: str) -> None:
        done = await world("olivia", "decide", typed, "reject", "--reason", "x", "--yes")
        assert done.exit_code == 1
        assert said in done.output
        assert "startgate a" in done.output


class TestOrders:
    async def test_on_call_locks_down_and_nobody_else_does(self, world: World) -> None:
        refused = await world("olivia", "lockdown", "web-01", "--reason", "odd", "--yes")
        assert (refused.exit_code, "Only on-call can lock down a VM" in refused.output) == (3, True)
        assert [one["by"] for one in await world.audited("lockdown.refused")]
        done = await world("nadia", "lockdown", "web-01", "--reason", "odd", "--yes")
        assert done.exit_code == 0, done.output
        (record,) = await world.audited("lockdown.ordered")
        assert record["by"] == f"nadia@contoso.example (entra:{NADIA_OID})"
        again = await world("nadia", "lockdown", "web-01", "--yes")
        assert "already contained" in again.output

    async def test_a_guarded_vm_is_not_locked_down(self, world: World) -> None:
        world.policy(never=[{"name": "shop", "when": 'vm.name == "web-01"'}])
        done = await world("nadia", "lockdown", "web-01", "--yes")
        assert done.exit_code == 1
        assert "shop" in done.output
        assert await world.audited("lockdown.guarded")

    async def test_a_wrong_name_or_profile_names_the_right_ones(self, world: World) -> None:
        done = await world("nadia", "lockdown", "web-011", "--yes")
        assert done.exit_code == 1
        assert "Did you mean web-01" in done.output
        done = await world("nadia", "lockdown", "web-01", "--profile", "none", "--yes")
        assert (done.exit_code, "It has: standard" in done.output) == (1, True)

    async def test_on_call_restores(self, world: World) -> None:
        held = await world.contained()
        refused = await world("olivia", "restore", "web-01", "--yes")
        assert refused.exit_code == 3
        done = await world("nadia", "restore", "web-01", "--reason", "false alarm", "--yes")
        assert done.exit_code == 0, done.output
        stored = await world.store.containment(held.id)
        assert stored.state is ContainmentState.RESTORING
        (record,) = await world.audited("restore.ordered")
        assert record["by"] == f"nadia@contoso.example (entra:{NADIA_OID})"

    async def test_two_persons_are_two_at_the_command_line_too(self, world: World) -> None:
        colin = world.signing.oid("colin")
        world.policy(two_person="restore", oncall=POLICY["oncall"] | {"entra": [NADIA_OID, colin]})  # type: ignore[operator]
        held = await world.contained()
        first = await world("nadia", "restore", "web-01", "--yes")
        assert (first.exit_code, "Nothing is restored yet" in first.output) == (0, True)
        assert (await world("nadia", "restore", "web-01", "--yes")).exit_code == 3
        assert (await world.store.containment(held.id)).state is ContainmentState.CONTAINED
        assert "has to confirm it" in (await world("nadia", "status", "web-01")).stdout
        assert (await world("colin", "restore", "web-01", "--yes")).exit_code == 0
        assert (await world.store.containment(held.id)).state is ContainmentState.RESTORING

    async def test_a_right_or_a_pause_takes_two_persons_there_too(self, world: World) -> None:
        colin = world.signing.oid("colin")
        oncall = {"usergroup": "S0ONCALL01", "channel": "#vm-oncall", "entra": [NADIA_OID, colin]}
        world.policy(two_person="access", oncall=oncall)
        unsigned = await world("", "pause", "--reason", "x")
        stranger = await world("sam", "expect", "web-01", "2h", "--reason", "x")
        assert (unsigned.exit_code, stranger.exit_code) == (3, 3), unsigned.output + stranger.output

        for typed, unchanged in (
            (("expect", "web-01", "2h", "--reason", "patch day"), "Nothing is expected yet"),
            (("pause", "--reason", "the wrong VMs"), "Nothing is paused yet"),
        ):
            first = await world("nadia", *typed)
            assert (first.exit_code, unchanged in first.stdout) == (0, True), first.output
            agree = first.stdout.splitlines()[-1].rpartition("startgate ")[2].split()
            assert (await world("nadia", *agree, "--yes")).exit_code == 3, "nobody is both"
            unsure = await world("colin", *agree)
            assert typed[-1] in unsure.stdout, "the reason, before they are asked"
            assert not (await world.store.pause()).on(SystemClock().now())
            second = await world("colin", *agree, "--yes")
            assert (second.exit_code, second.stdout) == (0, "Approved and done.\n"), second.output
            assert (await world("colin", *agree, "--yes")).exit_code == 1, "once"
        (expected,) = (await world.store.expectations()).entries
        assert NADIA_OID in expected.by
        assert colin in expected.approved_by
        assert (await world.store.pause()).on(SystemClock().now())
        assert (await world("", "resume")).exit_code == 0

    async def test_what_is_not_contained_is_not_restored(self, world: World) -> None:
        done = await world("nadia", "restore", "web-01", "--yes")
        assert (done.exit_code, "is not contained" in done.output) == (1, True)


class TestReading:
    async def test_open_questions_and_mine(self, world: World) -> None:
        asked = await world.asked()
        listed = json.loads((await world("", "approvals", "--json")).stdout)
        assert [one["id"] for one in listed] == [asked.id]
        assert reference(asked.id) in (await world("olivia", "approvals", "mine")).stdout
        assert (await world("colin", "approvals", "mine")).stdout == "None.\n"

    async def test_contained_vms_and_a_vm_s_status(self, world: World) -> None:
        held = await world.contained()
        listed = json.loads((await world("", "approvals", "contained", "--json")).stdout)
        assert [one["id"] for one in listed] == [held.id]
        status = json.loads((await world("", "status", "web-01", "--json")).stdout)
        assert status["containment"]["state"] == "CONTAINED"
        assert (await world("", "status", "web-01")).stdout.startswith("web-01: CONTAINED\n")

    async def test_status_says_that_the_policy_only_observes(self, world: World) -> None:
        said = "the policy only observes: nobody is asked, and nothing is written to Azure"
        assert said not in (await world("", "status", "web-01")).stdout
        world.policy(mode="observe")
        assert said in (await world("", "status", "web-01")).stdout
        assert json.loads((await world("", "status", "web-01", "--json")).stdout)["observes"] is True

    async def test_a_policy_with_an_error_keeps_nobody_from_looking(self, world: World) -> None:
        world.policy(mode="sleep")
        shown = await world("", "status", "web-01")
        assert (shown.exit_code, shown.stdout.splitlines()[0]) == (
            0,
            "web-01: not contained, and no question is open",
        )
        assert "the mode is not known" in shown.stderr

    async def test_hostile_names_move_no_cursor(self, world: World) -> None:
        await world.asked(a.caller(name="\x1b[2Jroot"))
        shown = await world("", "status", "web-01")
        assert "\x1b" not in shown.stdout
        assert "\\u001b[2Jroot" in shown.stdout


class TestWhoTypes:
    async def refused(self, world: World, said: str) -> None:
        asked = await world.asked()
        done = await world("nadia", "decide", asked.id, "reject", "--reason", "x", "--yes")
        assert done.exit_code == 3, done.output
        assert said in done.output
        assert (await world.store.approval(asked.id)).open

    async def test_nobody_signed_in_is_told_how(self, world: World) -> None:
        done = await world("", "lockdown", "web-01", "--yes")
        assert (done.exit_code, "az login --tenant" in done.output) == (3, True)
        (record,) = await world.audited("identity.refused")
        assert str(record["by"]).endswith("not proved")

    @pytest.mark.parametrize(
        ("claims", "said"),
        [
            ({"aud": "https://management.azure.com"}, "does not count here"),
            ({"iss": "https://sts.windows.net/other/"}, "does not count here"),
            ({"tid": "11111111-1111-4111-8111-111111111111"}, "another tenant's"),
            ({"exp": 1}, "does not count here"),
            ({"oid": None}, "does not count here"),
            ({"idp": "https://sts.windows.net/11111111-1111-4111-8111-111111111111/"}, "guest"),
            ({"acct": 1}, "guest"),
            ({"scp": None}, "application"),
        ],
    )
    async def test_a_token_that_does_not_count(
        self, world: World, claims: dict[str, object], said: str
    ) -> None:
        world.signing.claims("nadia", **claims)
        await self.refused(world, said)

    async def test_a_token_of_somebody_else_s_making(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entra, forged = world.signing.entra, generate_private_key(public_exponent=65537, key_size=2048)
        honest = entra.token
        monkeypatch.setattr(entra, "token", lambda who: honest(who, key=forged))
        await self.refused(world, "Signature verification failed")

    @pytest.mark.parametrize("algorithm", ["none", "HS256"])
    async def test_a_token_without_a_real_signature(
        self, world: World, monkeypatch: pytest.MonkeyPatch, algorithm: str
    ) -> None:
        import jwt  # noqa: PLC0415 - what a forger uses

        entra = world.signing.entra
        honest = entra.token("nadia")
        claims = jwt.decode(honest, options={"verify_signature": False})
        kid = jwt.get_unverified_header(honest)["kid"]
        key = None if algorithm == "none" else "x" * 32
        token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})
        monkeypatch.setattr(entra, "token", lambda _who: token)
        await self.refused(world, "does not count here")

    async def test_keys_that_cannot_be_read_are_no_proof(self, world: World) -> None:
        asked = await world.asked()
        world.signing.who("nadia")
        world.line._environment.setenv("STARTGATE_ENTRA_URL", "http://127.0.0.1:9")
        done = await world.line("decide", asked.id, "reject", "--reason", "x", "--yes")
        assert done.exit_code == 2
        assert (await world.store.approval(asked.id)).open

    async def test_without_its_settings_it_says_what_to_set(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("STARTGATE_OPERATOR_TENANT")
        done = await world("nadia", "lockdown", "web-01", "--yes")
        assert done.exit_code == 78

    async def test_only_loopback_may_stand_in_for_entra(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("STARTGATE_ENTRA_URL", "https://login.evil.example")
        assert (await world("nadia", "lockdown", "web-01", "--yes")).exit_code == 78


async def test_an_answer_counts_while_service_bus_is_away(world: World, bus_server: BusServer) -> None:
    asked = await world.asked()
    await bus_server.stop()
    done = await world("olivia", "decide", asked.id, "reject", "--reason", "not mine", "--yes")
    assert done.exit_code == 0, done.output
    assert (await world.store.approval(asked.id)).state is ApprovalState.REJECTED
