"""The page itself: whom it serves, for whom it can be used, and what it does with hostile text."""

import re

import aiohttp
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import Sandbox, Scheme, Windows

RIGHT_TO_LEFT = "\u202e"
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<!channel> *bold* `code`",
    f"abc{RIGHT_TO_LEFT}txt.exe",
    "x" * 200,
    "javascript:alert(1)",
]


async def accessible(page: Page) -> None:
    """Nothing serious or critical is wrong with what is shown now."""
    results = await Axe().run(page)
    found = [
        (violation["id"], [node["target"] for node in violation["nodes"]][:5])
        for violation in results.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(windows: Windows, scheme: Scheme) -> None:
    someone = await windows("olivia", scheme=scheme)
    page = someone.page
    if await page.get_by_role("button", name="Start web-01").count():
        await someone.start("web-01", as_="Mallory Guest")
    await page.get_by_role("button", name="More about web-01").click()
    await expect(someone.card("web-01").get_by_role("button", name="Reject")).to_be_visible()
    await accessible(page)
    await someone.clicks("web-01", "Reject")
    await expect(someone.dialog("Reject this start")).to_be_visible()
    await accessible(page)
    await page.keyboard.press("Escape")
    await page.set_viewport_size({"width": 390, "height": 844})
    for pane in ("Azure", "Startgate", "Slack"):
        await page.get_by_role("navigation", name="Panes").get_by_role("button", name=pane).click()
        await accessible(page)


async def test_axe_finds_nothing_serious_in_the_details_and_the_tour(windows: Windows) -> None:
    someone = await windows("colin")
    await someone.start("web-02", as_="Mallory Guest")
    await someone.sees_way("web-02", "Waiting for an answer")
    await someone.way("web-02").get_by_role("button", name="web-02").click()
    await someone.page.get_by_role("tab", name="Documents").click()
    await someone.page.get_by_role("tabpanel").locator("summary").first.click()
    await someone.page.get_by_role("button", name="Take the tour").click()
    await accessible(someone.page)
    await someone.page.keyboard.press("Escape")
    await someone.page.get_by_role("button", name="Valkey: ").click()
    await accessible(someone.page)


async def test_a_start_is_answered_with_the_keyboard_alone(windows: Windows) -> None:
    olivia = await windows("olivia")
    keys = olivia.page.keyboard
    await olivia.page.get_by_role("button", name="Start island-01").focus()
    await keys.press("Enter")
    confirm = olivia.card("island-01").get_by_role("button", name="Confirm")
    await confirm.focus()
    await keys.press("Space")
    dialog = olivia.dialog("Was this start expected?")
    await expect(dialog).to_be_visible()
    await keys.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(confirm).to_be_focused()
    await keys.press("Enter")
    yes = dialog.get_by_role("button", name=re.compile("^Yes, "))
    while not await yes.evaluate("element => element === document.activeElement"):
        await keys.press("Tab")
    await keys.press("Enter")
    await olivia.sees_way("island-01", "Confirmed")


async def test_on_a_narrow_screen_nothing_is_cut_off(windows: Windows) -> None:
    olivia = await windows("olivia", width=390, height=844)
    for pane in ("Azure", "Startgate", "Slack"):
        await olivia.page.get_by_role("navigation", name="Panes").get_by_role("button", name=pane).click()
        await expect(olivia.page.get_by_role("heading", name=pane, level=2)).to_be_visible()
        wide = await olivia.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{pane} is {wide} px wide"


async def test_the_switch_makes_it_dark_and_is_remembered(windows: Windows) -> None:
    olivia = await windows("olivia")
    await olivia.page.get_by_role("combobox", name="Light or dark").select_option("dark")
    root = olivia.page.locator("html")
    await expect(root).to_have_attribute("data-theme", "dark")
    await olivia.page.reload()
    await expect(root).to_have_attribute("data-theme", "dark")


async def test_the_person_is_in_the_address(windows: Windows) -> None:
    someone = await windows("olivia")
    await someone.choose("Look through the eyes of", "Nadia")
    await expect(someone.page).to_have_url(f"{windows.url}/?as=nadia")
    await someone.page.reload()
    await expect(someone.page.get_by_text("What Nadia Night sees.")).to_be_visible()


async def test_hostile_names_are_text_everywhere(windows: Windows, sandbox: Sandbox) -> None:
    azure, slack = sandbox.system.azure, sandbox.system.slack
    await azure.post(
        "/_vm",
        name="hostile-01",
        group="rg-hostile",
        tags={"owner": "olivia@contoso.example"} | {f"tag{i}": name for i, name in enumerate(HOSTILE)},
        nics=[{"open": ["22"]}],
    )
    await slack.post("/_people", key="mallory", name=HOSTILE[0], channels=["vm-approvals"])
    for text in HOSTILE:
        await slack.post("/_act/message", user="mallory", channel="vm-approvals", text=text)
    olivia = await windows("olivia")
    await olivia.page.get_by_role("button", name="More about hostile-01").click()
    for name in HOSTILE:
        await expect(olivia.vm("hostile-01")).to_contain_text(name)
    await olivia.opens("#vm-approvals")
    messages = olivia.page.get_by_role("log")
    await expect(messages.get_by_text(HOSTILE[0]).first).to_be_visible()
    await expect(messages).to_contain_text("x" * 200)
    await expect(olivia.page.locator("img, .pane a")).to_have_count(0)
    wide = await olivia.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 1280


async def test_another_site_can_neither_read_nor_act(sandbox: Sandbox) -> None:
    url = sandbox.page.url
    act = f"{url}/api/act/azure/start"
    async with aiohttp.ClientSession() as session:
        for headers in (
            {"Host": "evil.example"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            async with session.post(act, json={"vm": "web-01", "as": "intruder"}, headers=headers) as answer:
                assert answer.status == 403, headers
            async with session.get(f"{url}/api/snapshot", headers=headers) as answer:
                assert answer.status == 403, headers
        async with session.post(act, data={"vm": "web-01"}) as answer:
            assert answer.status == 403
        async with session.get(f"{url}/", headers={"Host": f"localhost:{sandbox.page.port}"}) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
        async with session.post(f"{url}/api/act/azure/_reset", json={}) as answer:
            assert answer.status == 404
