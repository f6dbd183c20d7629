"""The page plays what Slack has: menus that look while one types, Home, two people at once, and a phone."""

import asyncio
import re

from playwright.async_api import expect

from deploy.sandbox.stage import Stage
from tests.browser.conftest import Sandbox, Screenshot, Windows
from tests.browser.person import Person, Taps

PHONE = {"width": 390, "height": 844}
MOST_TAPS = 3


async def test_a_command_typed_alone_opens_a_form_whose_menu_looks_while_one_types(windows: Windows) -> None:
    nadia = await windows("nadia")
    await nadia.types("/vm-lockdown")
    dialog = nadia.dialog("Lock down a VM")
    menu = dialog.get_by_role("combobox", name="VM")
    await menu.click()
    await expect(dialog.get_by_role("option", name="db-01")).to_be_visible()
    await menu.press_sequentially("web-0")
    await expect(dialog.get_by_role("option", name="db-01")).to_have_count(0)
    await dialog.get_by_role("option", name="web-02").click()
    await expect(menu).to_have_value(re.compile("web-02"))
    await dialog.get_by_role("button", name="Next").click()
    await expect(dialog).to_contain_text("contained immediately")
    await expect(dialog).to_contain_text("web-02")
    await dialog.get_by_role("button", name="Back").click()
    await expect(nadia.vm("web-02")).not_to_contain_text("startgate-lockdown")


async def test_home_shows_what_waits_and_follows_the_answer_of_somebody_else(
    windows: Windows, screenshot: Screenshot
) -> None:
    olivia, nadia = await asyncio.gather(windows("olivia"), windows("nadia"))
    await olivia.start("web-01", as_="Colin Colleague")
    await olivia.sees_way("web-01", "Waiting for an answer")
    homes = []
    for person in (olivia, nadia):
        await person.opens("Home")
        home = person.page.get_by_role("group", name="Home")
        await expect(home).to_contain_text("web-01")
        homes.append(home)
    await expect(homes[1]).to_contain_text("On call")
    await expect(homes[0]).not_to_contain_text("On call")
    await screenshot(nadia.page, "home")
    await homes[0].get_by_role("button", name="Confirm the start of web-01", exact=True).click()
    await olivia.dialog("Was this start expected?").get_by_role("button", name="Yes").first.click()
    for home in homes:
        await expect(home.get_by_role("button", name="Confirm the start of web-01")).to_have_count(0)


async def _asked_on_a_phone(windows: Windows, sandbox: Sandbox, vm: str, owner: str) -> Person:
    """Somebody starts a VM of theirs that nobody reaches from outside, and reads the question on a phone."""
    tags = {"owner": f"{owner}@contoso.example"}
    await sandbox.system.azure.post("/_vm", name=vm, group="rg-phone", tags=tags, nics=[{"open": []}])
    await Stage(sandbox.system).start_vm(vm, owner)
    person = await windows(owner, **PHONE, touch=True)
    await person.page.get_by_role("navigation", name="Panes").get_by_role("button", name="Slack").tap()
    await person.opens("Startgate")
    await expect(person.card(vm).get_by_role("button", name=f"Confirm the start of {vm}")).to_be_visible()
    return person


async def test_on_a_phone_a_first_time_owner_confirms_with_three_taps_at_most(
    windows: Windows, sandbox: Sandbox
) -> None:
    colin = await _asked_on_a_phone(windows, sandbox, "phone-01", "colin")
    taps, card = Taps(colin.page), colin.card("phone-01")
    await taps.on(card.get_by_role("button", name="Confirm the start of phone-01", exact=True))
    await taps.on(colin.dialog("Was this start expected?").get_by_role("button", name="Yes").first)
    await expect(card).to_contain_text("Confirmed by")
    assert taps.count <= MOST_TAPS


async def test_on_a_phone_a_first_time_owner_rejects_with_three_taps_at_most(
    windows: Windows, sandbox: Sandbox
) -> None:
    colin = await _asked_on_a_phone(windows, sandbox, "phone-02", "colin")
    taps, card = Taps(colin.page), colin.card("phone-02")
    await taps.on(card.get_by_role("button", name="Reject the start of phone-02", exact=True))
    dialog = colin.dialog("Reject this start")
    await taps.on(dialog.locator("label").filter(has=colin.page.get_by_role("radio")).first)
    await taps.on(dialog.get_by_role("button", name="Reject and contain"))
    await expect(card).to_contain_text("Rejected by")
    assert taps.count <= MOST_TAPS


async def test_on_a_phone_one_word_in_the_direct_message_confirms(windows: Windows, sandbox: Sandbox) -> None:
    nadia = await _asked_on_a_phone(windows, sandbox, "phone-03", "nadia")  # nothing else is asked of her
    await nadia.types("yes")
    await expect(nadia.card("phone-03")).to_contain_text("Confirmed by")
