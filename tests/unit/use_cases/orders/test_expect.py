"""Who may announce a start, how long ahead and how long, and who may withdraw it."""

from datetime import timedelta
from typing import Any

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.errors import NotAllowed, NotFound, NotYet
from workers.domain.ids import EXPECTATIONS, partition_of_id, partition_of_vm
from workers.domain.policy.ahead.settings import ExpectPolicy, WhoExpects
from workers.domain.ports.groups import NoGroups
from workers.domain.starts.ahead.expectations import MOST_EXPECTATIONS
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import TagChange
from workers.use_cases.orders.expect import ExpectStarts

OWNED = a.known_vm(tags={"owner": "alice@contoso.com"})
MALLORY = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@contoso.com")


def expecting(rig: Rig) -> ExpectStarts:
    return ExpectStarts(
        store=rig.store, clock=rig.clock, policy=lambda: rig.policy, second=rig.second, groups=NoGroups()
    )


async def announced(rig: Rig, window: str = "2h", reason: str = "patch day", **given: Any) -> str:
    values: dict[str, Any] = {"by": "Alice", "by_user": a.ALICE, "vm": a.vm_ref(), **given}
    if values.get("when"):
        values["vm"] = None
    return (await expecting(rig).announce(window, reason, **values)).id


async def kinds(rig: Rig) -> list[str]:
    return [one.kind for one in await rig.store.audit(partition_of_id(EXPECTATIONS))]


async def test_it_is_on_record_and_ends_by_itself(rig: Rig) -> None:
    await announced(rig)
    (one,) = await expecting(rig).current()
    assert (one.end - one.begin, one.reason, one.vm) == (timedelta(hours=2), "patch day", a.vm_ref())
    assert await kinds(rig) == ["expect.announced"]
    rig.clock.to(one.end)
    assert await expecting(rig).current() == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"window": "9h"}, "at most 8 hours"),
        ({"window": "whenever"}, "write 2h from now on"),
        ({"reason": "  "}, "needs a reason"),
        ({"when": "caller.emial == 'x'"}, "The condition is invalid"),
        ({"when": "true"}, "lets everybody's start pass"),
        ({"when": 'vm.tags["env"] == "dev"'}, "which its caller can set or choose"),
    ],
)
async def test_what_is_too_long_or_too_wide_is_refused_with_the_remedy(
    rig: Rig, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotYet, match=said):
        await announced(rig, **given)
    assert await expecting(rig).current() == ()


async def test_the_policy_says_how_long_a_window_may_be(rig: Rig) -> None:
    rig.policy = a.policy(expect=ExpectPolicy(longest=timedelta(hours=1)))
    with pytest.raises(NotYet, match="at most 1 hours"):
        await announced(rig)


async def test_there_are_so_many_at_most(rig: Rig) -> None:
    for _ in range(MOST_EXPECTATIONS):
        await announced(rig)
    with pytest.raises(NotYet, match="withdraw one of them first"):
        await announced(rig)


@pytest.mark.parametrize(
    ("actor", "known", "policy", "may"),
    [
        (a.actor(), OWNED, {}, True),
        (a.oncall(), OWNED, {}, True),
        (a.oncall(), None, {}, True),
        (a.actor(), None, {}, False),  # a condition may hold for anybody's VMs
        (MALLORY, OWNED, {}, False),
        (a.actor(barred="You are a guest here."), OWNED, {}, False),
        (a.actor(), OWNED.changed(tags_known=False), {}, False),
        (a.actor(), OWNED, {"expect": ExpectPolicy(who=WhoExpects.ONCALL)}, False),
        (
            MALLORY,
            a.known_vm(
                tags={"owner": "mallory@contoso.com"},
                changed_tags={"owner": TagChange(before="alice@contoso.com", at=a.NOW)},
            ),
            {},
            False,
        ),
    ],
)
async def test_the_owner_and_on_call_may_and_each_refusal_is_audited(
    rig: Rig, actor: Actor, known: Any, policy: dict[str, Any], *, may: bool
) -> None:
    rig.policy = a.policy(**policy)
    if may:
        await expecting(rig).may(actor, known, wanted="vm-web-01 2h")
        return
    with pytest.raises(NotAllowed):
        await expecting(rig).may(actor, known, wanted="vm-web-01 2h")
    (record,) = await rig.store.audit(partition_of_vm(actor.slack_user))
    assert (record.kind, record.details["wanted"]) == ("expect.refused", "vm-web-01 2h")


async def test_its_author_and_on_call_withdraw_it_and_nobody_else(rig: Rig) -> None:
    expect = expecting(rig)
    first, second = await announced(rig), await announced(rig)
    with pytest.raises(NotAllowed):
        await expect.withdraw(first, by="Mallory", actor=MALLORY)
    await expect.withdraw(first.upper(), by="Alice", actor=a.actor())
    await expect.withdraw(second, by="Olga", actor=a.oncall())
    assert await expect.current() == ()
    assert await kinds(rig) == ["expect.announced"] * 2 + ["expect.withdrawn"] * 2
    with pytest.raises(NotFound):
        await expect.withdraw(first, by="operator")
