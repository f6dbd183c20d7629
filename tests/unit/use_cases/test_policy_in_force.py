"""The policy file is read anew when it changes; a bad one leaves the old policy in force."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import builders as a
from tests.doubles import FakeFacts
from tests.rig import Rig
from workers.domain.policy.model import Policy, digest_of
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef
from workers.telemetry.health import Health
from workers.use_cases.policy_in_force import TROUBLE, Found, PolicyInForce
from workers.use_cases.read_policy import read_policy
from workers.use_cases.starts.open import OpenApproval

OLD = "oncall: {users: [U0OLGA001]}\n"
NEW = OLD + "owner: {tags: [contact]}\n"
BAD = NEW + "ownr: {}\n"


class Desk:
    def __init__(self, path: Path, text: str = OLD) -> None:
        self.path, self.health = path, Health()
        path.write_text(text)
        self.in_force = PolicyInForce(path, read_policy(path), self.health)

    def looks(self, times: int = 2) -> list[Found]:
        return [self.in_force.look().found for _ in range(times)]

    @property
    def tags(self) -> tuple[str, ...]:
        return self.in_force().owner.tags

    @property
    def troubles(self) -> dict[str, dict[str, str]]:
        return dict(self.health.as_json()["troubles"])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "policy.yaml")


def test_a_changed_file_is_in_force_and_its_digest_in_health(desk: Desk) -> None:
    assert desk.looks() == [Found.SAME, Found.SAME]
    changes: list[str] = []
    desk.in_force.when_changed(lambda: changes.append(desk.in_force().digest))
    desk.path.write_text(NEW)
    assert desk.looks(3) == [Found.SETTLING, Found.TAKEN, Found.SAME]
    assert desk.tags == ("contact",)
    assert desk.in_force().digest == digest_of(NEW.encode())
    assert desk.health.as_json()["policy"]["digest"] == digest_of(NEW.encode())
    assert changes == [desk.in_force().digest]


def test_a_process_that_checked_no_condition_at_start_refuses_a_file_with_a_bad_one(tmp_path: Path) -> None:
    """The bot: the workers refuse the file, too, and both go on by the same policy."""
    path = tmp_path / "policy.yaml"
    path.write_text(OLD)
    health = Health()
    in_force = PolicyInForce(path, read_policy(path, conditions=False), health)
    path.write_text(NEW + "rules:\n  - {name: odd, when: 'vm.tgas == 1'}\n")

    look = in_force.look(at_once=True)

    assert look.found is Found.REFUSED
    assert "rules[0].when" in look.problem
    assert TROUBLE in health.as_json()["troubles"]
    assert in_force().digest == digest_of(OLD.encode())


def test_a_file_that_is_still_being_written_is_not_taken(desk: Desk) -> None:
    """The first half of this one is a valid policy, too."""
    desk.path.write_text(OLD + "owner: {tags: [half]}\n")
    assert desk.looks(1) == [Found.SETTLING]
    desk.path.write_text(NEW)
    assert desk.looks(1) == [Found.SETTLING]
    assert desk.tags != ("half",)
    assert desk.looks(1) == [Found.TAKEN]
    assert desk.tags == ("contact",)


def test_whoever_says_that_the_file_is_complete_does_not_wait(desk: Desk) -> None:
    desk.path.write_text(NEW)
    assert desk.in_force.look(at_once=True).found is Found.TAKEN


def test_a_bad_file_leaves_the_old_policy_in_force_and_is_a_trouble_until_it_is_mended(desk: Desk) -> None:
    old = desk.in_force()
    desk.path.write_text(BAD)
    desk.in_force.look()
    look = desk.in_force.look()
    assert look.found is Found.REFUSED
    assert "ownr" in look.problem
    assert desk.in_force() is old
    assert "ownr" in desk.troubles[TROUBLE]["reason"]
    assert desk.looks() == [Found.SAME, Found.SAME], "it is judged once"

    desk.path.write_text(OLD)
    assert desk.looks() == [Found.SETTLING, Found.MENDED]
    assert desk.in_force() is old
    assert not desk.troubles


def test_a_file_that_is_gone_is_refused_and_taken_when_it_is_back(desk: Desk) -> None:
    desk.path.unlink()
    assert desk.looks() == [Found.SETTLING, Found.REFUSED]
    assert "can't be read" in desk.troubles[TROUBLE]["reason"]
    desk.path.write_text(NEW)
    assert desk.looks() == [Found.SETTLING, Found.TAKEN]
    assert not desk.troubles


def test_a_mounted_file_changes_by_another_target_of_a_link(tmp_path: Path) -> None:
    """As Kubernetes updates a mounted ConfigMap or Secret: the file is a link through ``..data``, itself a
    link to a directory, which is replaced at once.

    Source: https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter
    """
    for name, text in (("..1", OLD), ("..2", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..1")
    path = tmp_path / "policy.yaml"
    path.symlink_to("..data/policy.yaml")
    in_force = PolicyInForce(path, read_policy(path), Health())

    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    assert [in_force.look().found for _ in range(2)] == [Found.SETTLING, Found.TAKEN]
    assert in_force().owner.tags == ("contact",)


class Slow(FakeFacts):
    """Something happens while facts are read."""

    meanwhile: Callable[[], None]

    async def gather(self, vm: VmRef, **how: Any) -> Facts:
        self.meanwhile()
        return await super().gather(vm, **how)


async def test_a_start_is_judged_by_one_policy_and_the_audit_names_it(tmp_path: Path) -> None:
    """Another policy comes into force while the facts are read: it names another owner, and other terms."""

    def policy(owner: str, expire: str) -> Policy:
        path = tmp_path / "policy.yaml"
        path.write_text(
            f"{OLD}owner: {{tags: [{owner}]}}\ndefaults: {{expire_after: {expire}}}\n"
            "rules: [{name: somewhere, when: 'vm.location != \"nowhere\"'}]\n"
        )
        return read_policy(path)

    rig = Rig(policy("owner", "50m"))
    before, after = rig.policy, policy("contact", "40m")
    facts = Slow()
    machine = a.facts().machine
    assert machine is not None
    tags = {"owner": "alice@contoso.com", "contact": "mallory@contoso.com"}
    facts.answer = a.facts(machine=machine.changed(tags=tags))
    facts.meanwhile = lambda: setattr(rig, "policy", after)
    opening = OpenApproval(
        store=rig.store,
        nudger=rig.nudger,
        inventory=rig.inventory,
        facts=facts,
        assess=rig.assess,
        clock=rig.clock,
    )

    opened = await opening(a.start_event())

    approval = await rig.store.approval(opened.document_id)
    assert approval.owner.emails == ("alice@contoso.com",)
    assert approval.terms.expire_after == before.defaults.expire_after
    assert approval.terms.rule == "somewhere"
    (record,) = [one for one in await rig.audit() if one.kind == "approval.opened"]
    assert record.details["policy"] == before.digest != after.digest
