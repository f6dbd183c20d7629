"""A start of high risk whose confirmation takes two persons, as the policy's rule for payroll has it."""

from deploy.sandbox.play.figures import Figures
from deploy.sandbox.play.outcome import ONCALL_CHANNEL, expect
from deploy.sandbox.play.timeline import Timeline
from deploy.sandbox.stage import CardCopy, Stage
from deploy.sandbox.world import World

VM, GROUP = "payroll-01", "rg-payroll"
REASON = "the auditors test it today, as agreed"


async def two_persons_confirm(stage: Stage, line: Timeline, figures: Figures) -> None:
    """The owner asks for a risky start to be confirmed and says why; somebody else of on-call confirms it."""
    await stage.azure.post(
        "/_vm",
        name=VM,
        group=GROUP,
        tags={"owner": "olivia@contoso.example", "env": "prod"},
        nics=[{"public_ip": "20.50.3.3", "open": ["22"]}],
    )
    start = await stage.start_vm(VM, "intruder")
    line.now(f"somebody from outside, without MFA, starts {VM}")
    own, shared = sorted(await stage.copies(start, 2), key=lambda copy: copy.channel, reverse=True)
    await figures.asked(stage, start, min(own, shared, key=lambda copy: copy.at_ms))
    await stage.until_shown(own, "that it takes two", "High risk", "It takes two persons")
    opened = await stage.slack.post(
        "/_act/click",
        user="olivia",
        channel=own.channel,
        ts=own.ts,
        action_id="approval.confirm",
        wait_view_ms=3000,
    )
    expect("view_id" in opened, "at high risk one tap does not confirm: a dialog asks for a reason")
    await stage.slack.post(
        "/_act/submit", user="olivia", view_id=opened["view_id"], values={"reason": REASON}
    )
    line.now(f"olivia presses Confirm, reads the strongest signs, and says why: {REASON}")
    asks = await stage.slack.wait_for(
        "on-call to be asked for the second person",
        lambda e: (
            e["kind"] == "posted"
            and e["channel"] == ONCALL_CHANNEL
            and VM in str(e["blocks"])
            and "It takes two persons" in str(e["blocks"])
        ),
        since=start.seq,
    )
    line.at(asks["at_ms"], "on-call is asked for a second person")
    await stage.until_shown(shared, "who asked, and why", "wants to confirm this start", REASON)
    await _first_cannot_be_second(stage, line, shared)
    await stage.click("nadia", shared, "approval.confirm")
    line.now("nadia, who is on call, sees olivia's name and reason, and confirms with one of her own")
    shown = await stage.until_shown(shared, "both", "Confirmed by", "nadia", "Asked for by", "olivia")
    line.at(shown["at_ms"], "every copy of the card says who asked for it and who confirmed it")
    expect(not await stage.writes(start.vm_id), "a confirmed start changes nothing in Azure")


async def _first_cannot_be_second(stage: Stage, line: Timeline, shared: CardCopy) -> None:
    since = await stage.slack.last_seq()
    await stage.click("olivia", shared, "approval.confirm")
    refused = await stage.told(
        World.load().person("olivia").slack, "You asked for this confirmation yourself", since=since
    )
    line.at(
        refused["at_ms"],
        "olivia presses Confirm in the channel, too, and is told that it takes somebody else",
    )
