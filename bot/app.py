"""The Bolt app: every listener in one visible list."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.answers.deciding.bursts import BurstAnswers
from bot.answers.deciding.confirm import Confirm
from bot.answers.deciding.confirm_blocks import CONFIRM_HIGH
from bot.answers.deciding.not_mine import NotMine, NotMineAll
from bot.answers.deciding.not_mine_blocks import NOT_MINE_ALL_DIALOG, NOT_MINE_DIALOG
from bot.answers.deciding.reject import Reject
from bot.answers.deciding.reject_blocks import PLAN
from bot.answers.deciding.reject_blocks import REJECT as REJECT_DIALOG
from bot.answers.deciding.undo import UndoClick
from bot.answers.looks.details import Details
from bot.answers.looks.evidence import EvidenceClick
from bot.answers.oncall.access import AccessAnswers
from bot.answers.oncall.cap import CapAnswers
from bot.answers.oncall.follow import CONTAIN_THEM, FOLLOW, FollowCaller
from bot.answers.oncall.regret import RegretClick
from bot.answers.oncall.retry import RetryClick
from bot.answers.spoken.questions import Questions
from bot.answers.spoken.reply import Reply
from bot.cards.blocks.access.card import APPROVE, DECLINE
from bot.cards.blocks.brakes.cap_card import GO_ON, HOLD
from bot.cards.blocks.bursts.card import NOT_MINE_ALL
from bot.cards.blocks.bursts.dialogs import PAGES
from bot.cards.blocks.bursts.digest import OPEN
from bot.cards.blocks.card import CONFIRM, NOT_MINE, REJECT
from bot.cards.blocks.details.dialog import DETAILS
from bot.cards.replies.containment.afterwards import EVIDENCE, RESTORE_IT, STATUS
from bot.cards.replies.containment.grace import REGRET
from bot.cards.replies.containment.retry import RETRY
from bot.cards.replies.words import UNDO
from bot.commands.picking.search import VmSearch
from bot.commands.reading.status import StatusListener
from bot.commands.registry import COMMANDS
from bot.commands.restore import RestoreListener
from bot.flow import Flow
from bot.home.homes import Homes
from bot.services import Services
from bot.slack.errors import SLACK_AWAY
from bot.slack.installation import Installation, Installed

log = structlog.get_logger(__name__)

_ANYTHING = re.compile(".*")
_WHO_AM_I_S = 1.0


def build_app(
    client: AsyncWebClient,
    services: Services,
    installation: Installation,
    questions: Questions,
    *,
    homes: Homes,
    signing_secret: SecretStr | None = None,
) -> AsyncApp:
    """The app, with nothing connected yet.

    Args:
        client: carries the bot token and one shared HTTP session.
        services: what listeners work with.
        installation: who we are.
        homes: the Homes that people have open.
        questions: finds which question a reply in words is about.
        signing_secret: HTTP mode only; Socket Mode's payloads come over an authenticated connection.
    """
    app = AsyncApp(
        # Without the token, which ``authorize`` gives: Bolt warns about two ways to it.
        client=AsyncWebClient(
            base_url=client.base_url, timeout=client.timeout, session=client.session, retry_handlers=[]
        ),
        authorize=_authorizing(client, installation),
        signing_secret=signing_secret.get_secret_value() if signing_secret else "unused-in-socket-mode",
        request_verification_enabled=signing_secret is not None,
    )
    flow, confirm, reject = Flow(services, client), Confirm(services), Reject(services)
    cap, not_mine, follow = CapAnswers(services), NotMine(services), FollowCaller(services)
    not_mine_all = NotMineAll(services)
    access = AccessAnswers(services)

    app.action(CONFIRM)(flow.click(confirm.pressed, now=True))
    app.action(REJECT)(flow.click(reject.pressed))
    app.action(PLAN)(flow.click(reject.every_step))
    app.action(DETAILS)(flow.click(Details(services).pressed))
    app.action(OPEN)(flow.click(Details(services).opened))
    app.action(RETRY)(flow.click(RetryClick(services).pressed, now=True))
    app.action(GO_ON)(flow.click(cap.go_on, now=True))
    app.action(HOLD)(flow.click(cap.hold, now=True))
    app.action(APPROVE)(flow.click(access.approve, now=True))
    app.action(DECLINE)(flow.click(access.decline, now=True))
    app.action(REGRET)(flow.click(RegretClick(services).pressed, now=True))
    app.action(RESTORE_IT)(flow.click(RestoreListener(services).picked, now=True))
    app.action(STATUS)(flow.click(StatusListener(services).picked))
    app.action(EVIDENCE)(flow.click(EvidenceClick(services).pressed, now=True))
    app.view(CONFIRM_HIGH)(flow.submit(confirm.submitted, now=True))
    app.action(CONTAIN_THEM)(flow.click(follow.pressed))
    app.view(FOLLOW)(flow.submit(follow.submitted))
    app.action(NOT_MINE)(flow.click(not_mine.pressed))
    app.view(NOT_MINE_DIALOG)(flow.submit(not_mine.submitted))
    app.action(NOT_MINE_ALL)(flow.click(not_mine_all.pressed))
    app.view(NOT_MINE_ALL_DIALOG)(flow.submit(not_mine_all.submitted))
    app.action(UNDO)(flow.click(UndoClick(services).pressed, now=True))
    app.event("message")(flow.message(Reply(services, questions).written))
    app.view(REJECT_DIALOG)(flow.submit(reject.submitted))
    bursts = BurstAnswers(services)
    for button, answer in bursts.buttons.items():
        app.action(button)(flow.click(answer, now=True))
    for dialog, decide in bursts.dialogs.items():
        app.view(dialog)(flow.submit(decide, now=True))
    app.action(PAGES)(flow.page(bursts.page))
    for command in COMMANDS:
        listener = command.listener(services)
        app.command(command.name)(flow.command(command, listener.typed))
        for action_id, pressed in listener.buttons.items():
            app.action(action_id)(flow.click(pressed, now=command.judged_now))
        for callback_id, act in listener.dialogs.items():
            app.view(callback_id)(flow.submit(act, now=command.judged_now))

    for action_id, options in VmSearch(services).menus.items():
        app.options(action_id)(flow.search(options))

    app.event("app_home_opened")(_opening_home(homes))

    # Everything else is acknowledged, too. Otherwise Slack shows the person an error, and repeats events.
    app.event(_ANYTHING)(_acknowledge)
    app.action(_ANYTHING)(_acknowledge)
    app.command(_ANYTHING)(_acknowledge)
    app.view_closed(_ANYTHING)(_acknowledge)
    app.options(_ANYTHING)(_no_options)
    app.error(_failed)
    return app


def _authorizing(
    client: AsyncWebClient, installation: Installation
) -> Callable[[str | None, str | None, str | None], Awaitable[AuthorizeResult]]:
    """Every request is of this workspace: it came over our own connection, or it was signed.

    Bolt itself asks ``auth.test`` at the first request. When that fails it acknowledges the request and drops
    it, so a click would have no effect.
    """

    async def authorize(
        enterprise_id: str | None, team_id: str | None, user_id: str | None
    ) -> AuthorizeResult:
        me: Installed | None = None
        # Here who we are is only needed to skip our own messages. The next request asks again.
        with contextlib.suppress(SlackApiError, *SLACK_AWAY):
            me = await asyncio.wait_for(installation(), _WHO_AM_I_S)
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            user_id=user_id,
            bot_id=me.bot_id if me else None,
            bot_user_id=me.bot_user if me else None,
            bot_token=client.token,
        )

    return authorize


def _opening_home(homes: Homes) -> Callable[..., Awaitable[None]]:
    async def listener(event: dict[str, Any]) -> None:
        if event.get("tab") == "home":
            homes.opened(str(event["user"]), event.get("view"))

    return listener


async def _acknowledge(ack: AsyncAck) -> None:
    await ack()


async def _no_options(ack: AsyncAck) -> None:
    await ack(options=[])


async def _failed(error: Exception, body: dict[str, Any]) -> None:
    """The last resort: listeners answer their own errors.

    It answers nothing: Bolt takes an answer only for what was not acknowledged yet, and asserts that.
    """
    log.error("a request from Slack failed", type=body.get("type"), exc_info=error)
