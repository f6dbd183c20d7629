"""Races, kills and outages, made and seen on the page."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import Sandbox, Windows


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def no_trouble_left(sandbox: Sandbox) -> AsyncIterator[None]:
    """What one test breaks is whole for the next."""
    yield
    for service in ("azure", "slack", "servicebus", "valkey"):
        await sandbox.page._trouble.put(service, "works")
    for name, process in sandbox.system.processes.items():
        if not process.alive:
            await sandbox.page._children.start(name)


async def test_of_two_people_in_two_windows_one_wins_and_the_other_is_told(windows: Windows) -> None:
    olivia, nadia = await asyncio.gather(windows("olivia"), windows("nadia"))
    await olivia.start("web-01", as_="Mallory Guest")
    for person in (olivia, nadia):
        await person.opens("#vm-approvals")
        await expect(person.card("web-01").get_by_role("button", name="Reject")).to_be_visible()
    await nadia.clicks("web-01", "Reject")
    await nadia.dialog("Reject this start").get_by_role("textbox").first.fill("Not planned.")
    await olivia.confirms("web-01")
    await olivia.sees_way("web-01", "Confirmed")
    await nadia.dialog("Reject this start").get_by_role("button", name="Reject and contain").click()
    told = nadia.page.get_by_role("dialog")
    await expect(told).to_contain_text("Already answered")
    await expect(told).to_contain_text("Confirmed by")
    await expect(nadia.way("web-01").locator("[data-stage='result']")).to_have_count(0)


async def test_both_windows_show_the_same_card_the_same_way(windows: Windows) -> None:
    one, other = await asyncio.gather(windows("olivia"), windows("olivia"))
    await one.start("web-02", as_="Olivia Owner")
    await expect(other.card("web-02").get_by_role("button", name="Confirm")).to_be_visible()
    await one.confirms("web-02")
    await expect(other.card("web-02")).to_contain_text("Confirmed as expected")
    await other.sees_way("web-02", "Confirmed")


async def test_an_event_that_is_delivered_five_times_asks_once(windows: Windows) -> None:
    olivia = await windows("olivia")
    await olivia.choose("Events arrive", "five times")
    await olivia.start("island-01", as_="Olivia Owner")
    await olivia.sees_way("island-01", "Waiting for an answer")
    await expect(
        olivia.page.locator(".messages .message[data-ephemeral='false']").filter(has_text="island-01")
    ).to_have_count(1)
    await olivia.page.get_by_role("button", name="End all faults").click()


async def test_an_ask_survives_the_kill_of_the_bot(windows: Windows) -> None:
    nadia = await windows("nadia")
    await nadia.opens("Startgate")
    await nadia.process("Bot", "Kill")
    await nadia.sees_process("Bot", "dead")
    await nadia.start("jump-01", as_="Mallory Guest")
    await nadia.sees_way("jump-01", "Asking")
    await nadia.process("Bot", "Start")
    await nadia.sees_process("Bot", "running")
    await nadia.sees_way("jump-01", "Waiting for an answer")
    await expect(nadia.card("jump-01").get_by_role("button", name="Confirm")).to_be_visible()
    await expect(
        nadia.page.locator(".messages .message[data-ephemeral='false']").filter(has_text="jump-01")
    ).to_have_count(1)


async def test_slack_is_cut_off_and_back_and_the_owner_is_asked_all_the_same(windows: Windows) -> None:
    colin = await windows("colin")
    await colin.trouble("Slack", "Cut off")
    await colin.sees_process("Slack", "cut off")
    await colin.start("build-07", as_="nightly-build")
    await colin.sees_way("build-07", "Asking")
    await colin.page.get_by_role("button", name="End all faults").click()
    await colin.sees_process("Slack", "running")
    await colin.sees_way("build-07", "Waiting for an answer")
    await colin.confirms_as_soon_as_possible("build-07")
    await colin.sees_way("build-07", "Confirmed")


async def test_the_store_is_killed_and_comes_back_with_everything(windows: Windows) -> None:
    olivia = await windows("olivia")
    await olivia.process("Valkey", "Kill and start")
    await olivia.sees_process("Valkey", "running")
    await olivia.sees_way("web-01", "Confirmed")
    await olivia.start("lab-gpu", as_="Olivia Owner")
    await olivia.sees_way("lab-gpu", "Waiting for an answer")
