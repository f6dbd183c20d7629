"""People in Slack: they wait for a card, press its buttons, fill in dialogs and type commands."""

import asyncio
import time

from deploy.sandbox.client import ControlError
from tests.chaos import people
from tests.chaos.evidence import Act, Json, StartFact, VmFact
from tests.chaos.plan import ActPlan, RoundPlan
from tests.chaos.system.ground import Ground

CARD_WITHIN_S = 14.0
"""How long somebody waits for a card before they do something else."""
_CONFIRM_VIEW_MS = 400
_VIEW_MS = 2500


class Acting:
    """What everybody did in a round is kept in ``acts``."""

    def __init__(self, ground: Ground, plan: RoundPlan) -> None:
        self._ground = ground
        self._plan = plan
        self._mark = 0
        self._vms: list[VmFact] = []
        self.acts: list[Act] = []

    def begin(self, vms: list[VmFact]) -> None:
        """Cards from now on are this round's."""
        self._mark = self._ground.slack.mark
        self._vms = vms

    async def perform(self, begun: float, act: ActPlan, starts: dict[int, StartFact]) -> None:
        """One plan of one person."""
        if act.what == "lockdown":
            await asyncio.sleep(max(0.0, begun + act.after_s - time.monotonic()))
            await self._lock_down(act)
            return
        planned = self._plan.starts[act.target]
        await asyncio.sleep(max(0.0, begun + planned.at_s - time.monotonic()))
        deadline = time.monotonic() + CARD_WITHIN_S
        while act.target not in starts:
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(0.05)
        start = starts[act.target]
        card = await self._ground.slack.until(
            lambda e: _card_of(e) == start.approval_id, since=self._mark, within_s=CARD_WITHIN_S
        )
        if card is None:
            return
        await asyncio.sleep(act.after_s)
        once = self._confirm if act.what == "confirm" else self._reject
        await asyncio.gather(*(once(act, start) for _ in range(act.times)))

    async def _confirm(self, act: ActPlan, start: StartFact) -> None:
        clicked = await self._click(act, start, "confirm", "approval.confirm", wait_view_ms=_CONFIRM_VIEW_MS)
        view_id = clicked.answer.get("view_id")
        if view_id:  # of high risk, so it takes a reason
            await self._submit(act, start, "submit confirm", view_id)

    async def _reject(self, act: ActPlan, start: StartFact) -> None:
        clicked = await self._click(act, start, "reject", "approval.reject", wait_view_ms=_VIEW_MS)
        view_id = clicked.answer.get("view_id")
        if not view_id:
            return
        await asyncio.sleep(act.think_s)
        if act.what == "peek":
            await self._post("/_act/close", user=act.who, view_id=view_id)
            return
        await self._submit(act, start, "submit", view_id)

    async def _submit(self, act: ActPlan, start: StartFact, what: str, view_id: str) -> None:
        """Submit a dialog that wants a reason."""
        await self._done(
            Act(
                who=people.SLACK_OF[act.who],
                what=what,
                vm=start.vm,
                approval=start.approval_id,
                at_ms=time.time() * 1000,
            ),
            "/_act/submit",
            user=act.who,
            view_id=view_id,
            values={"reason": act.reason},
        )

    async def _click(
        self, act: ActPlan, start: StartFact, what: str, action_id: str, **options: object
    ) -> Act:
        """On the copy that this person can see; owners take now the one, now the other."""
        posted = [e for e in self._ground.slack.since(self._mark) if _card_of(e) == start.approval_id]
        by_message = int(act.after_s * 100) % 2 == 0
        posted.sort(key=lambda e: e["channel"].startswith("D") is not by_message)
        done = Act(
            who=people.SLACK_OF[act.who], what=what, vm=start.vm, approval=start.approval_id, at_ms=0.0
        )
        for copy in posted:
            done.at_ms = time.time() * 1000
            done.answer = await self._post(
                "/_act/click",
                user=act.who,
                channel=copy["channel"],
                ts=copy["ts"],
                action_id=action_id,
                confirmed=True,
                **options,
            )
            if done.answer.get("error") not in ("cannot_see_channel", "no_such_channel"):
                break
        done.done_ms = time.time() * 1000
        self.acts.append(done)
        return done

    # Commands

    async def _lock_down(self, act: ActPlan) -> None:
        vm, name = self._vms[act.target], self._plan.vms[act.target].name
        wanted = {"id": vm.key, "name": name, "part": name.partition("-")[0]}[act.how]
        done = await self._done(
            Act(who=people.SLACK_OF[act.who], what="lockdown", vm=vm.key, at_ms=time.time() * 1000),
            "/_act/command",
            user=act.who,
            channel="app",
            command="/vm-lockdown",
            text=f"{wanted} --yes {act.reason}",
            wait_view_ms=_VIEW_MS if act.how == "part" else 0,
        )
        view_id = done.answer.get("view_id")
        if not view_id:
            return
        await asyncio.sleep(act.think_s)
        # A part that fits one VM asks about that at once.
        option = await self._option(act.who, view_id, name)
        for values in ([{"vm": option}] if option else []) + [{"reason": act.reason}]:
            await self._done(
                Act(who=people.SLACK_OF[act.who], what="choose", vm=vm.key, at_ms=time.time() * 1000),
                "/_act/submit",
                user=act.who,
                view_id=view_id,
                values=values,
            )

    async def _option(self, who: str, view_id: str, name: str) -> str | None:
        """The menu's value for a VM; the dialog shows names cut and cleaned, so part of it must do."""
        short = name.partition("<")[0]
        answer = await self._post(
            "/_act/options", user=who, view_id=view_id, block_id="vm", action_id="vm.any", query=short
        )
        for option in answer.get("options", []):
            if short in str(option["text"]):
                return str(option["value"])
        return None

    # Both

    async def _done(self, act: Act, path: str, **body: object) -> Act:
        act.answer = await self._post(path, **body)
        act.done_ms = time.time() * 1000
        self.acts.append(act)
        return act

    async def _post(self, path: str, **body: object) -> Json:
        try:
            answer: Json = await self._ground.system.slack.post(path, **body)
        except ControlError as error:
            return {"ok": False, "error": str(error)}
        return answer

    async def clear_away(self) -> None:
        """Close every dialog, so that the next round's people start with none."""
        state = await self._ground.system.slack.get("/_state", latest=1)
        for user, stack in state["views"].items():
            if stack:
                await self._post("/_act/close", user=user, view_id=stack[-1]["id"], all=True)


def _card_of(entry: Json) -> str:
    """The card that a newly posted message is a copy of; empty for everything else."""
    if entry["kind"] != "posted" or entry["thread_ts"]:
        return ""
    return str(((entry.get("metadata") or {}).get("event_payload") or {}).get("card", ""))
