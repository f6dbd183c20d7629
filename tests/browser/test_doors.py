"""The page plays what Slack has: a menu that looks while one types, Home, and two people at once."""

import asyncio
import re

from playwright.async_api import expect

from tests.browser.conftest import Screenshot, Windows


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
