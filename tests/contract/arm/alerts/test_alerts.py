"""Alert rules over the real client against the stand-in: made once, mended, removed, ours alone."""

import json

import pytest

from deploy.sandbox.azure.front.refusals import Refusal
from tests.contract.arm.alerts.driver import HOOK, NAME, Desk
from tests.contract.arm.driver import lock
from workers.arm.alerts.rules import RULES


async def test_apply_makes_a_group_and_each_rule_and_says_so(desk: Desk) -> None:
    done = await desk.applied()
    assert set(desk.rules()) == {rule.name for rule in RULES}
    assert set(desk.groups()) == {NAME}
    lines = done.stdout.splitlines()
    assert lines[0] == f"Contoso Production ({desk.subscription}): {len(RULES) + 1} written, 0 as wanted"
    assert lines[1] == "  + action group startgate: calls the webhook https://alerts.example/…"
    assert "  + alert rule startgate-vm-start: a VM was started" in lines
    assert "hunter2" not in done.output
    assert "secret-path" not in done.output


async def test_the_rules_are_enabled_watch_the_subscription_and_are_tagged(desk: Desk) -> None:
    await desk.applied()
    for rule in desk.rules().values():
        assert rule.properties["enabled"] is True
        assert rule.properties["scopes"] == [f"/subscriptions/{desk.subscription}"]
        assert rule.tags == {"managed-by": "startgate"}
        assert rule.properties["actions"]["actionGroups"][0]["actionGroupId"] == desk.groups()[NAME].id


async def test_a_second_apply_writes_nothing(desk: Desk) -> None:
    await desk.applied()
    before, writes = desk.as_it_is(), len(desk.writes())
    done = await desk.applied()
    assert len(desk.writes()) == writes
    assert desk.as_it_is() == before
    assert f"0 written, {len(RULES) + 1} as wanted" in done.stdout


async def test_a_dry_run_says_the_same_and_writes_nothing(desk: Desk) -> None:
    dry = await desk.apply("--webhook", HOOK, "--dry-run")
    assert dry.exit_code == 0
    assert desk.writes() == []
    assert f"{len(RULES) + 1} would be written" in dry.stdout
    wet = await desk.applied()
    assert wet.stdout.splitlines()[1:] == dry.stdout.splitlines()[1:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"enabled": False}, "it is disabled"),
        ({"scopes": ["/subscriptions/x"]}, "its scope is another"),
        ({"actions": {"actionGroups": []}}, "its action groups are others"),
        ({"condition": {"allOf": [{"field": "category", "equals": "Security"}]}}, "its condition is another"),
        ({"description": "mine"}, "its description is another"),
    ],
)
async def test_drift_of_a_rule_is_shown_and_mended(desk: Desk, change: dict[str, object], said: str) -> None:
    await desk.applied()
    before = desk.as_it_is()
    rule = desk.rules()["startgate-vm-start"]
    rule.properties |= change
    listed = await desk.type("alerts", "list", desk.subscription)
    assert listed.exit_code == 1
    assert f"  ~ alert rule startgate-vm-start: {said}" in listed.stdout
    writes = len(desk.writes())
    await desk.apply()
    assert len(desk.writes()) == writes + 1
    assert desk.as_it_is() == before
    assert (await desk.type("alerts", "list", desk.subscription)).exit_code == 0


async def test_another_receiver_replaces_ours_and_keeps_those_of_others(desk: Desk) -> None:
    await desk.applied()
    group = desk.groups()[NAME]
    mail = {"name": "night shift", "emailAddress": "night@contoso.example", "useCommonAlertSchema": False}
    group.properties["emailReceivers"] = [mail]
    group.tags["cost"] = "42"
    assert (await desk.type("alerts", "list", desk.subscription)).exit_code == 0, "an e-mail is no drift"
    workflow = await desk.logic_app()
    done = await desk.apply("--logic-app", workflow)
    assert "~ action group startgate: it calls the webhook https://alerts.example/…" in done.stdout
    group = desk.groups()[NAME]
    assert group.properties["emailReceivers"] == [mail]
    assert group.properties["webhookReceivers"] == []
    assert [one["resourceId"] for one in group.properties["logicAppReceivers"]] == [workflow]
    assert group.tags["cost"] == "42"
    assert "sig=" not in done.output


async def test_without_a_receiver_nothing_is_written_and_the_remedy_is_said(desk: Desk) -> None:
    done = await desk.apply()
    assert done.exit_code == 2
    assert "give --logic-app ID" in done.stderr
    assert desk.writes() == []


async def test_what_has_our_name_and_not_our_tag_is_left_alone(desk: Desk) -> None:
    await desk.applied()
    rule = desk.rules()["startgate-vm-start"]
    rule.tags.clear()
    rule.properties["enabled"] = False
    done = await desk.apply()
    assert done.exit_code == 1
    assert "✗ alert rule startgate-vm-start: has our name and not our tag" in done.stdout
    assert desk.rules()["startgate-vm-start"].properties["enabled"] is False
    await desk.type("alerts", "remove", desk.subscription)
    assert set(desk.rules()) == {"startgate-vm-start"}


async def test_a_rule_of_ours_that_is_no_longer_needed_goes(desk: Desk) -> None:
    await desk.applied()
    old = desk.rules()["startgate-vm-start"]
    more = type(old)(
        id=f"{old.id}-2025", kind=old.kind, location="Global", tags=dict(old.tags), properties=old.properties
    )
    desk.arm.estate.add(more)
    done = await desk.apply()
    assert "  - alert rule startgate-vm-start-2025" in done.stdout
    assert set(desk.rules()) == {rule.name for rule in RULES}


async def test_remove_takes_ours_alone_and_first_says_what(desk: Desk) -> None:
    await desk.applied()
    dry = await desk.type("alerts", "remove", desk.subscription, "--dry-run")
    assert f"{len(RULES) + 1} would be deleted" in dry.stdout
    assert set(desk.rules()) == {rule.name for rule in RULES}
    theirs = desk.rules()["startgate-nic-write"]
    theirs.tags = {"managed-by": "somebody"}
    done = await desk.type("alerts", "remove", desk.subscription)
    assert done.exit_code == 0
    assert set(desk.rules()) == {"startgate-nic-write"}
    assert set(desk.groups()) == {NAME}, "a rule of others uses it"
    assert "stays: used by startgate-nic-write" in done.stdout
    theirs.tags = {"managed-by": "startgate"}
    await desk.type("alerts", "remove", desk.subscription)
    assert not desk.rules()
    assert not desk.groups()


async def test_what_is_missing_in_azure_is_said_with_its_remedy(desk: Desk) -> None:
    done = await desk.apply("--webhook", HOOK, "--resource-group", "nowhere")
    assert done.exit_code == 2
    assert f"az group create --subscription {desk.subscription} --name nowhere" in done.stderr
    done = await desk.type("alerts", "apply", "Contoso", "--webhook", HOOK)
    assert "0 subscriptions are called 'Contoso'; this identity sees: Contoso Production (" in done.stderr
    desk.arm.refusals.put(Refusal(code="AuthorizationFailed", method="PUT"))
    done = await desk.apply("--webhook", HOOK)
    assert "we lack the right microsoft.insights/actiongroups/write" in done.stderr.lower()


async def test_a_lock_on_the_group_is_said(desk: Desk) -> None:
    lock(desk.arm, f"/subscriptions/{desk.subscription}/resourceGroups/{NAME}")
    done = await desk.apply("--webhook", HOOK)
    assert done.exit_code == 2
    assert "a management lock on the resource group startgate forbids it" in done.stderr


async def test_a_run_that_broke_off_is_finished_by_the_next(desk: Desk) -> None:
    desk.arm.refusals.put(Refusal(code="AuthorizationFailed", path="nsg-write", method="PUT"))
    assert (await desk.apply("--webhook", HOOK)).exit_code == 2
    done = len(desk.rules())
    assert 0 < done < len(RULES)
    desk.arm.refusals.put()
    again = await desk.apply()
    assert f"{len(RULES) - done} written, {done + 1} as wanted" in again.stdout


async def test_several_subscriptions_and_names_are_taken(desk: Desk) -> None:
    other = desk.arm.world.subscriptions[1]
    listed = await desk.type("alerts", "list", "--json")
    assert listed.exit_code == 1
    told = json.loads(listed.stdout)
    assert [one["subscription"] for one in told["subscriptions"]] == [desk.subscription, other.id]
    assert {item["state"] for one in told["subscriptions"] for item in one["items"]} == {"missing"}
    assert len(told["limits"]) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--webhook", "http://alerts.example/in"), "has to begin with https://"),
        (("--logic-app", "alerts-to-queue"), "not the id of an Azure resource"),
        (
            (
                "--logic-app",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/x",
            ),
            "is the id of something else",
        ),
    ],
)
async def test_a_wrong_receiver_is_refused_before_azure_is_asked(
    desk: Desk, words: tuple[str, str], said: str
) -> None:
    done = await desk.apply(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert desk.arm.record.since(0, "request") == []


async def test_a_logic_app_with_several_triggers_is_refused(desk: Desk) -> None:
    done = await desk.apply("--logic-app", await desk.logic_app(name="odd", triggers=["a", "b"]))
    assert "has 2 triggers" in done.stderr
    gone = (
        f"/subscriptions/{desk.subscription}/resourceGroups/{NAME}/providers/Microsoft.Logic/workflows/gone"
    )
    assert (await desk.apply("--logic-app", gone)).exit_code == 2


async def test_the_workflow_sends_what_it_is_called_with_to_the_queue(desk: Desk) -> None:
    printed = json.loads((await desk.type("alerts", "workflow", "contoso.servicebus.windows.net")).stdout)
    send = printed["actions"]["send"]["inputs"]
    assert send["uri"] == "https://contoso.servicebus.windows.net/starts/messages"
    assert send["body"] == "@triggerBody()"
    assert len(printed["triggers"]) == 1


async def test_what_was_written_is_in_the_audit_with_who_typed_it(desk: Desk) -> None:
    desk.arm.refusals.put(Refusal(code="AuthorizationFailed", path="nsg-write", method="PUT"))
    await desk.apply("--webhook", HOOK)
    (record,) = await desk.audited("alerts.applied")
    assert record["details"]["resources"] == [
        one.id for one in (*desk.groups().values(), *desk.rules().values())
    ]
    assert "@" in record["by"]
    assert "hunter2" not in json.dumps(record)
    await desk.type("alerts", "remove", desk.subscription, "--dry-run")
    assert await desk.audited("alerts.removed") == []


async def test_while_changes_are_paused_nothing_is_written(desk: Desk) -> None:
    await desk.type("pause", "--reason", "an exercise")
    dry = await desk.apply("--webhook", HOOK, "--dry-run")
    assert dry.exit_code == 0
    done = await desk.apply("--webhook", HOOK)
    assert done.exit_code == 2
    assert "changes in Azure are paused by" in done.stderr
    assert desk.writes() == []


async def test_where_nobody_can_say_whether_changes_are_paused_nothing_is_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARTGATE_REDIS_URL", "redis://127.0.0.1:1/0")
    assert (await desk.apply("--webhook", HOOK, "--dry-run")).exit_code == 0
    done = await desk.apply("--webhook", HOOK)
    assert done.exit_code == 2
    assert "redis" in done.stderr
    assert desk.writes() == []
