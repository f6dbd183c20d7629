"""Names, tags and callers written to do harm: text stays text, nobody is pinged, nothing is lost."""

import json
import re

import pytest

from deploy.sandbox.slack.team.mrkdwn import mentions_in_layout
from tests.scenario.scene import COLIN, ONCALL, ONCALL_GROUP, Entry, Scene, grid_event, texts

HOSTILE = {
    "a broadcast": "<!channel>",
    "a person": "<@U0OLIVIA01>",
    "a group": "<!subteam^S0ONCALL01>",
    "a link": "<https://evil.example|click>",
    "backticks": "a`<!here>`b",
    "mark-up": "*bold*_it_~no~",
    "right to left": "web\u202e10-bew",
    "zero width": "web\u200b-\u2066x",
    "an emoji": ":rotating_light:",
    "a format string": "{0}%s${x}",
    "two hundred characters": "n" * 200,
}
OWNER = {"owner": "colin@contoso.example"}
MARK_UP = ("*bold*", "_it_", "~no~", ":rotating_light:")
"""What Slack would show in another way, outside of code."""
CODE = re.compile(r"`[^`]*`")


async def _card(scene: Scene, vm: Entry, event: Entry, since: int) -> list[Entry]:
    """The copies that came of this event."""
    message_id = await scene.send(event)
    await scene.bus.wait_for(
        "the event to be done with",
        lambda e: e["kind"] == "completed" and e["queue"] == "starts" and e["message_id"] == message_id,
    )
    await scene.quiet()
    posts = await _posted(scene, vm, since)
    return [e for e in posts if not e["thread_ts"] and e["channel"] != ONCALL]


async def _posted(scene: Scene, vm: Entry, since: int) -> list[Entry]:
    """Cards about this VM, and what is below them.

    They are known by its resource group, since its name may not be shown whole. What other tests left on its
    way is posted meanwhile.
    """
    posts = await scene.slack.record(since, "posted")
    cards = {(e["channel"], e["ts"]) for e in posts if vm["group"] in json.dumps(e["blocks"])}
    return [e for e in posts if {(e["channel"], e["ts"]), (e["channel"], e["thread_ts"])} & cards]


async def _mentions(scene: Scene, vm: Entry, since: int) -> list[Entry]:
    """Whom messages about this VM ping. A page of ours to on-call, which begins with it, is left out."""
    posted = await _posted(scene, vm, since)
    ours = {(e["channel"], e["ts"]) for e in posted}
    pages = {(e["channel"], e["ts"]) for e in posted if e["channel"] == ONCALL and _calls_oncall_once(e)}
    return [
        e["mention"]
        for e in await scene.slack.record(since, "mention")
        if (e["channel"], e["ts"]) in ours
        and not (e["mention"]["id"] == ONCALL_GROUP and (e["channel"], e["ts"]) in pages)
    ]


def _calls_oncall_once(entry: Entry) -> bool:
    said = texts(entry["blocks"])
    call = f"<!subteam^{ONCALL_GROUP}>"
    return bool(said) and said[0].startswith(f"{call}: ") and "".join(said).count(call) == 1


async def _nobody_pinged_but_the_owner(scene: Scene, vm: Entry, since: int) -> None:
    mentions = await _mentions(scene, vm, since)
    assert {(m["kind"], m["id"]) for m in mentions} <= {("user", COLIN)}, mentions
    posted = await _posted(scene, vm, since)
    assert posted
    for entry in posted:
        for text in [entry["text"], *texts(entry["blocks"])]:
            assert "\u202e" not in text
            assert "\u200b" not in text
            assert "https://evil" not in text
        _stays_text([entry["text"], *_mrkdwn(entry["blocks"])])


def _mrkdwn(node: object) -> list[str]:
    """Every text in blocks in which Slack looks for mark-up."""
    if isinstance(node, list):
        return [text for item in node for text in _mrkdwn(item)]
    if not isinstance(node, dict):
        return []
    own = [node["text"]] if node.get("type") == "mrkdwn" else []
    return own + [text for value in node.values() for text in _mrkdwn(value)]


def _stays_text(said: list[str]) -> None:
    for text in said:
        assert not [one for one in MARK_UP if one in CODE.sub("", text)], text
        assert not re.search(r"a`(<|&lt;)", text), f"ends its code span: {text}"
        assert text.count("`") % 2 == 0, text


@pytest.mark.parametrize("name", [pytest.param(v, id=k) for k, v in HOSTILE.items() if "/" not in v])
async def test_a_vm_name_stays_text(scene: Scene, name: str) -> None:
    vm = await scene.new_vm("hostile", name=name, tags=OWNER)
    seq = await scene.slack.last_seq()
    cards = await _card(scene, vm, grid_event(vm["id"]), seq)
    assert {card["channel"][0] for card in cards} == {"D", "C"}
    await _nobody_pinged_but_the_owner(scene, vm, seq)


@pytest.mark.parametrize("text", [pytest.param(value, id=key) for key, value in HOSTILE.items()])
async def test_a_callers_name_role_and_group_stay_text(scene: Scene, text: str) -> None:
    vm = await scene.new_vm("hostile", tags=OWNER)
    seq = await scene.slack.last_seq()
    event = grid_event(
        vm["id"],
        claims={"name": text, "upn": f"{text}@x", "appid": text, "ipaddr": text},
        authorization={
            "scope": vm["id"],
            "evidence": {"role": text, "roleAssignmentScope": text, "principalType": text},
        },
        httpRequest={"clientIpAddress": text},
    )
    cards = await _card(scene, vm, event, seq)
    assert len(cards) == 2
    await _nobody_pinged_but_the_owner(scene, vm, seq)


@pytest.mark.parametrize("text", [pytest.param(value, id=key) for key, value in HOSTILE.items()])
async def test_an_owner_tag_stays_text(scene: Scene, text: str) -> None:
    vm = await scene.new_vm("hostile", tags={"owner": text, text[:40]: text})
    seq = await scene.slack.last_seq()
    cards = await _card(scene, vm, grid_event(vm["id"]), seq)
    assert [card["channel"] for card in cards] == ["C0APPROVALS"]
    assert not await _mentions(scene, vm, seq)
    await _nobody_pinged_but_the_owner(scene, vm, seq)


async def test_a_reason_stays_text_on_the_card_in_the_thread_and_for_oncall(scene: Scene) -> None:
    asked = await scene.ask(tags=OWNER)
    await scene.reject("colin", asked.dm, " ".join(HOSTILE.values())[:500])
    await scene.until_contained(asked.dm)
    await scene.quiet()
    vm = await scene.vm_now(asked.start.vm_id)
    await _nobody_pinged_but_the_owner(scene, vm, asked.start.seq)


async def test_a_command_about_a_hostile_name_answers_with_text(scene: Scene) -> None:
    for text in HOSTILE.values():
        seq = await scene.slack.last_seq()
        await scene.command("nadia", f"/vm-lockdown {text.replace(' ', '')} {text}")
        # What is left of a name without its decoration may be part of another name: then a dialog asks.
        told = await scene.slack.wait_for(
            "an answer", lambda e: e["kind"] == "ephemeral" or e.get("what") == "opened", since=seq
        )
        if told["kind"] == "ephemeral":
            assert not told["mentions"], told
            _stays_text([told["text"], *_mrkdwn(told["blocks"])])
        else:
            assert not list(mentions_in_layout(told["view"]["blocks"], "view")), told
            _stays_text(_mrkdwn(told["view"]["blocks"]))
            await scene.slack.post("/_act/close", user="nadia", view_id=told["view_id"])


async def test_after_all_that_the_next_start_is_asked_about(scene: Scene) -> None:
    assert len((await scene.ask()).copies) == 2
