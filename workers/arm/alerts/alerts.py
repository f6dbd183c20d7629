"""Alert rules and their action group in one subscription: looked at, made, mended, removed.

A second run writes nothing. What has our name and not our tag belongs to somebody else, and is left alone.
"""

import io
import json
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from workers.arm.alerts.receivers import Receiver, group_body, group_differences, receiver_in
from workers.arm.alerts.rules import NAME, RULES, rule_body, rule_differences
from workers.arm.ids import ArmId, group_id, same
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.containment.profile import OUR_TAG
from workers.domain.errors import NotFound, StepFailed

_LOGIC_VERSION = "2016-06-01"
_GROUPS, _RULES = "actionGroups", "activityLogAlerts"
_NO_RECEIVER = (
    "nothing says where alerts go; give --logic-app ID, which puts them onto the queue, or --webhook URL"
)


class Kind(StrEnum):
    """What an item is."""

    GROUP = "action group"
    RULE = "alert rule"


class State(StrEnum):
    """How an item stands against what is wanted."""

    MISSING = "missing"
    DIFFERS = "differs"
    SURPLUS = "no longer needed"
    FOREIGN = "not ours"
    FINE = "as wanted"


class Item(NamedTuple):
    """One resource.

    Attributes:
        differences: what is not as wanted, a few words each.
        body: what would be written; empty if nothing would.
    """

    kind: Kind
    id: str
    state: State
    differences: tuple[str, ...] = ()
    body: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Of the resource."""
        return ArmId.parse(self.id).name


class _Found(NamedTuple):
    groups: list[dict[str, Any]]
    rules: list[dict[str, Any]]


async def look(
    azure: Azure, subscription_id: str, resource_group: str, receiver: Receiver | None = None
) -> list[Item]:
    """What is wanted in a subscription, beside what is there; the action group first. Only reads.

    Args:
        azure: asked.
        subscription_id: whose Activity Log is watched.
        resource_group: holds the rules and the action group.
        receiver: where alerts go; ``None`` keeps the receiver that is there.

    Raises:
        StepFailed: Azure refuses.
        DependencyAway: Azure does not answer.
    """
    found = await _found(azure, subscription_id)
    base = f"{group_id(subscription_id, resource_group)}/providers/Microsoft.Insights"
    action_group = f"{base}/{_GROUPS}/{NAME}"
    items = [_group(action_group, _by_id(found.groups, action_group), receiver)]
    for rule in RULES:
        rule_id = f"{base}/{_RULES}/{rule.name}"
        body = rule_body(rule, subscription_id, action_group)
        items.append(_rule(rule_id, _by_id(found.rules, rule_id), body))
    wanted = [item.id for item in items]
    for old in found.rules:
        in_place = ArmId.parse(old["id"]).group.lower() == resource_group.lower()
        if in_place and is_ours(old) and not any(same(old["id"], one) for one in wanted):
            items.append(Item(Kind.RULE, old["id"], State.SURPLUS))
    return items


def _group(group: str, found: dict[str, Any] | None, receiver: Receiver | None) -> Item:
    if found is not None and not is_ours(found):
        return Item(Kind.GROUP, group, State.FOREIGN)
    receiver = receiver or (receiver_in(found) if found is not None else None)
    if receiver is None:
        return Item(Kind.GROUP, group, State.MISSING if found is None else State.DIFFERS, (_NO_RECEIVER,))
    body = group_body(receiver, found)
    if found is None:
        return Item(Kind.GROUP, group, State.MISSING, (f"calls the {receiver}",), body)
    odd = group_differences(found, receiver)
    return Item(Kind.GROUP, found["id"], State.DIFFERS if odd else State.FINE, odd, body if odd else {})


def _rule(rule_id: str, found: dict[str, Any] | None, body: dict[str, Any]) -> Item:
    if found is None:
        return Item(Kind.RULE, rule_id, State.MISSING, (), body)
    if not is_ours(found):
        return Item(Kind.RULE, found["id"], State.FOREIGN)
    odd = rule_differences(found, body)
    if not odd:
        return Item(Kind.RULE, found["id"], State.FINE)
    tags = {**(found.get("tags") or {}), **body["tags"]}
    kept = {**body, "location": found.get("location") or body["location"], "tags": tags}
    return Item(Kind.RULE, found["id"], State.DIFFERS, odd, kept)


async def apply(azure: Azure, items: Sequence[Item]) -> AsyncIterator[Item]:
    """Write what is missing or differs, delete what is no longer needed; tells each item that was done.

    The action group comes first: Azure takes no rule that names one which does not exist.

    Raises:
        StepFailed: Azure refuses; or nothing says where alerts go, and nothing is written.
        DependencyAway: Azure does not answer.
    """
    if any(_NO_RECEIVER in item.differences for item in items):
        raise StepFailed(_NO_RECEIVER, code="NoReceiver", final=True)
    for item in items:
        if item.state is State.SURPLUS:
            await _delete(azure, item)
        elif item.body:
            await _write(azure, item)
        else:
            continue
        yield item


async def _write(azure: Azure, item: Item) -> None:
    at = ArmId.parse(item.id)
    client = azure.monitor(at.subscription_id)
    # As bytes, which the client takes as they are: its models would leave out what they don't know.
    body = io.BytesIO(json.dumps(item.body).encode())
    try:
        async with asking(f"write the {item.kind} {at.name}"):
            if item.kind is Kind.GROUP:
                await client.action_groups.create_or_update(at.group, at.name, body)
            else:
                await client.activity_log_alerts.create_or_update(at.group, at.name, body)
    except NotFound:
        raise StepFailed(
            f"the resource group {at.group} does not exist in the subscription {at.subscription_id}; create "
            f"it (az group create --subscription {at.subscription_id} --name {at.group} --location REGION), "
            "or name another with --resource-group",
            code="ResourceGroupNotFound",
            final=True,
        ) from None


async def _delete(azure: Azure, item: Item) -> None:
    at = ArmId.parse(item.id)
    client = azure.monitor(at.subscription_id)
    async with asking(f"delete the {item.kind} {at.name}"):
        if item.kind is Kind.GROUP:
            await client.action_groups.delete(at.group, at.name)
        else:
            await client.activity_log_alerts.delete(at.group, at.name)


class Removal(NamedTuple):
    """What ``remove`` would delete, and which action groups it keeps: id → who else uses it."""

    items: tuple[Item, ...]
    kept: dict[str, str]


async def removal(azure: Azure, subscription_id: str) -> Removal:
    """Everything of ours in a subscription, in whichever group, by our tag. Only reads.

    An action group that an alert rule of others uses stays. Only Activity Log alert rules are looked at.
    """
    found = await _found(azure, subscription_id)
    ours = [Item(Kind.RULE, one["id"], State.SURPLUS) for one in found.rules if is_ours(one)]
    others = [one for one in found.rules if not is_ours(one)]
    kept = {}
    for group in filter(is_ours, found.groups):
        users = [str(one["name"]) for one in others if _uses(one, group["id"])]
        if users:
            kept[str(group["id"])] = ", ".join(users)
        else:
            ours.append(Item(Kind.GROUP, group["id"], State.SURPLUS))
    return Removal(tuple(ours), kept)


def is_ours(resource: dict[str, Any]) -> bool:
    """Whether a resource carries our tag. Azure compares the names of tags without regard to case."""
    tags = {name.lower(): value for name, value in (resource.get("tags") or {}).items()}
    return tags.get(OUR_TAG) == NAME


def _uses(rule: dict[str, Any], group: str) -> bool:
    actions = ((rule.get("properties") or {}).get("actions") or {}).get("actionGroups") or []
    return any(same(one.get("actionGroupId"), group) for one in actions)


def _by_id(resources: list[dict[str, Any]], wanted: str) -> dict[str, Any] | None:
    return next((one for one in resources if same(one["id"], wanted)), None)


async def _found(azure: Azure, subscription_id: str) -> _Found:
    """Action groups and rules of a subscription, as Azure writes them."""
    client = azure.monitor(subscription_id)
    async with asking("list the action groups"):
        listed = client.action_groups.list_by_subscription_id()
        groups = [dict(one.serialize(keep_readonly=True)) async for one in listed]
    async with asking("list the alert rules"):
        rules = [
            dict(one.serialize(keep_readonly=True))
            async for one in client.activity_log_alerts.list_by_subscription_id()
        ]
    return _Found(groups, rules)


async def logic_app(azure: Azure, workflow_id: str) -> Receiver:
    """A Logic App as a receiver: Azure is asked where its trigger listens.

    Source: https://learn.microsoft.com/rest/api/logic/workflow-triggers/list-callback-url

    Raises:
        StepFailed: it has no trigger, or several; or Azure refuses.
        NotFound: there is no such Logic App.
    """
    name = ArmId.parse(workflow_id).name
    async with asking(f"read the triggers of the Logic App {name}"):
        answer = await azure.send("GET", f"{workflow_id}/triggers", api_version=_LOGIC_VERSION)
        triggers = [str(one["name"]) for one in answer.json()["value"]]
    if len(triggers) != 1:
        raise StepFailed(
            f"the Logic App {name} has {len(triggers)} triggers; it needs the one that takes HTTP requests "
            "(`startgate alerts workflow` prints such a definition)",
            code="NoSingleTrigger",
            final=True,
        )
    async with asking(f"ask where the Logic App {name} listens"):
        path = f"{workflow_id}/triggers/{triggers[0]}/listCallbackUrl"
        answer = await azure.send("POST", path, api_version=_LOGIC_VERSION)
        return Receiver(str(answer.json()["value"]), workflow_id)
