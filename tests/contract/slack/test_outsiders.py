"""People of all sorts in the Slack stand-in, as the unmodified slack-sdk and slack-bolt meet them."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import APPROVALS, COMMANDS, OLIVIA, Acts, Json, card, dialog, refused, seen

PARTNER, GRID = "T0PARTNER1", "E0PARTNER1"
PEOPLE: list[Json] = [
    {"key": "gus", "email": "gus@contoso.example", "is_restricted": True},
    {"key": "gina", "email": "gina@contoso.example", "is_ultra_restricted": True},
    {"key": "petra", "email": "petra@partner.example", "team_id": PARTNER},
    {"key": "pavel", "email": "pavel@partner.example", "team_id": PARTNER, "enterprise_id": GRID},
    {"key": "stan", "email": "stan@partner.example", "team_id": PARTNER, "is_stranger": True},
    {"key": "dora", "email": "dora@contoso.example", "deleted": True},
    {"key": "buildbot", "is_bot": True},
    {"key": "hidden", "email": "hidden@contoso.example", "hidden": True},
]


@pytest.fixture(autouse=True)
async def ids(http: aiohttp.ClientSession) -> dict[str, str]:
    """The ids of the people above, who are all in the approvals' channel but the stranger."""
    found = {}
    for person in PEOPLE:
        channels = [] if person.get("is_stranger") else ["vm-approvals"]
        async with http.post("/_people", json={**person, "channels": channels}) as response:
            found[person["key"]] = (await response.json())["id"]
    return found


async def told(web: AsyncWebClient, user: str) -> Json:
    user_object: Json = (await web.users_info(user=user))["user"]
    return user_object


async def test_guests_are_told_by_their_flags(web: AsyncWebClient, ids: dict[str, str]) -> None:
    for key, flags in (("gus", (True, False)), ("gina", (True, True))):
        guest = await told(web, ids[key])
        assert (guest["is_restricted"], guest["is_ultra_restricted"]) == flags
        assert guest["team_id"] == Identity().team_id
    own = await told(web, OLIVIA)
    assert (own["is_restricted"], "is_stranger" in own) == (False, False)


async def test_only_the_team_tells_that_somebody_connected_is_not_ours(
    web: AsyncWebClient, ids: dict[str, str]
) -> None:
    petra = await told(web, ids["petra"])
    assert (petra["is_stranger"], petra["is_restricted"], petra["deleted"]) == (False, False, False)
    assert petra["profile"]["email"] == "petra@partner.example"
    assert petra["team_id"] == petra["profile"]["team"] == PARTNER
    pavel = await told(web, ids["pavel"])
    assert (pavel["profile"]["team"], pavel["enterprise_user"]["enterprise_id"]) == (GRID, GRID)


async def test_little_is_told_of_a_stranger(web: AsyncWebClient, ids: dict[str, str]) -> None:
    stan = await told(web, ids["stan"])
    assert (stan["is_stranger"], stan["team_id"]) == (True, PARTNER)
    assert "email" not in stan["profile"]
    assert "is_restricted" not in stan


async def test_an_email_address_finds_the_workspaces_own_who_are_still_there(
    web: AsyncWebClient, http: aiohttp.ClientSession, ids: dict[str, str]
) -> None:
    for key in ("gus", "gina"):
        found = await web.users_lookupByEmail(email=f"{key}@contoso.example")
        assert found["user"]["id"] == ids[key]
    for email in ("petra@partner.example", "stan@partner.example", "dora@contoso.example"):
        assert (await refused(web.users_lookupByEmail(email=email)))["error"] == "users_not_found"
    await http.put("/_limits", json={"email_finds_connected": True})
    assert (await web.users_lookupByEmail(email="petra@partner.example"))["user"]["id"] == ids["petra"]
    assert (await refused(web.users_lookupByEmail(email="stan@partner.example")))[
        "error"
    ] == "users_not_found"


async def test_a_list_of_people_has_who_left_and_bots_but_nobody_from_outside(
    web: AsyncWebClient, ids: dict[str, str]
) -> None:
    listed = {member["id"] for member in (await web.users_list())["members"]}
    assert {ids["gus"], ids["dora"], ids["buildbot"]} <= listed
    assert not {ids["petra"], ids["pavel"], ids["stan"]} & listed


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("buildbot", "cannot_dm_bot"),
        ("dora", "user_disabled"),
        ("hidden", "user_not_visible"),
        ("stan", "invalid_user_combination"),
    ],
)
async def test_a_conversation_is_refused_with(
    web: AsyncWebClient, ids: dict[str, str], key: str, error: str
) -> None:
    assert (await refused(web.conversations_open(users=ids[key])))["error"] == error
    if key == "hidden":
        assert (await refused(web.users_info(user=ids[key])))["error"] == error


async def test_a_guest_and_somebody_connected_click_and_type(
    web: AsyncWebClient, app: AsyncApp, act: Acts, ids: dict[str, str]
) -> None:
    bodies: list[Json] = []
    contexts: list[AsyncBoltContext] = []

    @app.action("reject")
    async def open_dialog(ack: Any, body: Json, client: AsyncWebClient, context: AsyncBoltContext) -> None:
        bodies.append(body)
        contexts.append(context)
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=dialog())

    @app.command("/slow")
    async def typed(ack: Any, body: Json) -> None:
        bodies.append(body)
        await ack()

    @app.view("why")
    async def submitted(ack: Any, body: Json, context: AsyncBoltContext) -> None:
        bodies.append(body)
        contexts.append(context)
        await ack()

    ours = Identity().team_id
    posted = await web.chat_postMessage(channel=APPROVALS, text="started", blocks=card())
    for key, team in (("gus", ours), ("petra", PARTNER), ("pavel", GRID)):
        bodies.clear()
        contexts.clear()
        where = {"user": key, "channel": APPROVALS}
        clicked = await act("click", **where, ts=posted["ts"], action_id="reject", wait_view_ms=1000)
        assert (await act("submit", user=key, view_id=clicked["view_id"], values={"why": "x"}))["ok"] is True
        assert (await act("command", **where, command="/slow"))["ok"] is True
        click, submit, command = bodies
        assert click["user"]["team_id"] == team
        assert (click["team"]["id"], click["enterprise"]) == (ours, None)
        assert click["is_enterprise_install"] is False
        assert submit["view"]["app_installed_team_id"] == ours
        assert submit["view"]["team_id"] == submit["team"]["id"] == (ours if key == "gus" else PARTNER)
        assert (command["user_id"], command["team_id"]) == (ids[key], ours)
        assert {context.team_id for context in contexts} == {ours}, "Bolt finds the app's own workspace"
    channel = (await web.conversations_info(channel=APPROVALS))["channel"]
    assert (channel["is_shared"], channel["is_ext_shared"]) == (True, True)


async def test_bolt_tells_who_of_another_workspace_speaks(
    slack: SlackServer, app: AsyncApp, act: Acts, ids: dict[str, str]
) -> None:
    contexts: list[AsyncBoltContext] = []

    @app.event("message")
    async def message(context: AsyncBoltContext) -> None:
        contexts.append(context)

    @app.event("app_mention")
    async def mention(context: AsyncBoltContext) -> None:
        contexts.append(context)

    await act("message", user="petra", channel=APPROVALS, text="hello @startgate")
    for context in contexts:
        assert (context.actor_team_id, context.actor_user_id) == (PARTNER, ids["petra"])
        assert context.team_id == Identity().team_id
    assert len(contexts) == 2
    spoken, mentioned = (entry["envelope"]["payload"] for entry in seen(slack, "delivered"))
    assert (spoken["team_id"], spoken["event"]["team"]) == (PARTNER, PARTNER)
    assert (mentioned["team_id"], mentioned["event"]["user_team"]) == (Identity().team_id, PARTNER)
    for payload in (spoken, mentioned):
        assert (payload["context_team_id"], payload["is_ext_shared_channel"]) == (Identity().team_id, True)


@pytest.mark.parametrize("key", ["dora", "buildbot"])
async def test_who_cannot_sign_in_does_nothing(act: Acts, key: str) -> None:
    assert (await act("command", user=key, command="/slow"))["error"] == "cannot_act"


@pytest.fixture
async def organization() -> AsyncIterator[SlackServer]:
    """A workspace of an organization, in all of which the app is installed."""
    identity = Identity(enterprise_id="E0CONTOSO1", enterprise_name="Contoso", is_enterprise_install=True)
    server = SlackServer(commands=list(COMMANDS), identity=identity)
    await server.start()
    yield server
    await server.stop()


async def test_an_organizations_people_carry_its_id(organization: SlackServer) -> None:
    web = AsyncWebClient("xoxb-sandbox", base_url=organization.ready()["api_url"])
    me = await web.auth_test()
    assert (me["enterprise_id"], me["is_enterprise_install"]) == ("E0CONTOSO1", True)
    olivia = await told(web, OLIVIA)
    assert olivia["enterprise_user"]["enterprise_id"] == "E0CONTOSO1"
    assert olivia["enterprise_user"]["teams"] == [me["team_id"]]
    posted = await web.chat_postMessage(channel=APPROVALS, text="x", blocks=card())
    async with aiohttp.ClientSession(organization.url) as session:
        click = {"user": "olivia", "channel": APPROVALS, "ts": posted["ts"], "action_id": "reject"}
        await session.post("/_act/click", json=click)
        await session.post("/_act/command", json={"user": "olivia", "command": "/slow"})
    sent = [entry.data["envelope"]["payload"] for entry in organization.record.since(kind="delivered")]
    assert sent[0]["user"]["team_id"] == sent[0]["enterprise"]["id"] == "E0CONTOSO1"
    assert (sent[0]["team"]["enterprise_id"], sent[0]["is_enterprise_install"]) == ("E0CONTOSO1", True)
    assert (sent[1]["enterprise_id"], sent[1]["is_enterprise_install"]) == ("E0CONTOSO1", "true")
