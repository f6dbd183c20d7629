"""What several people do together, and what one person is asked about many: the two longest stories."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Screenshot, Windows

PATIENT_MS = 60_000
"""Forty starts at once, at the pace that Slack allows."""


@pytest.fixture(scope="module")
def together() -> bool:
    return True


async def test_at_high_risk_the_tour_takes_a_second_person_who_sits_beside_the_first(
    windows: Windows, screenshot: Screenshot
) -> None:
    olivia = await windows("sam", width=1440)
    await olivia.page.get_by_role("button", name="Take the tour").click()
    await olivia.page.get_by_role("button", name="High risk, two persons").click()
    tour = olivia.page.get_by_role("complementary", name="Tour: High risk, two persons")
    await olivia.page.get_by_role("button", name="Start payroll-01").click()
    await expect(tour).to_contain_text("Press Confirm as its owner")
    await olivia.clicks("payroll-01", "Confirm")
    dialog = olivia.dialog("Was this start expected?")
    await dialog.get_by_role("textbox").fill("the auditors test it today")
    await dialog.get_by_role("button", name="Confirm", exact=True).click()
    await expect(tour).to_contain_text("Nothing is confirmed yet")
    await expect(olivia.stage("payroll-01", "answer")).to_contain_text("Olivia Owner wants to confirm it")
    await expect(olivia.card("payroll-01").get_by_role("button", name="Confirm the start")).to_have_count(0)
    beside = olivia.page.frame_locator("iframe.beside")
    card = beside.locator(".message").filter(has_text="Was this start expected? payroll-01")
    await expect(card).to_contain_text("the auditors test it today")
    await screenshot(olivia.page, "two-persons")
    await card.get_by_role("button", name="Confirm the start of payroll-01").click()
    second = beside.get_by_role("dialog", name="Was this start expected?")
    await second.get_by_role("textbox").fill("I spoke with them")
    await second.get_by_role("button", name="Confirm", exact=True).click()
    await expect(tour).to_contain_text("names both persons")
    await expect(olivia.stage("payroll-01", "answer")).to_contain_text("Olivia Owner and Nadia Night")
    await expect(olivia.vm("payroll-01")).to_contain_text("Running")


async def test_of_a_burst_of_forty_one_tap_answers_all_but_the_two_that_differ(
    windows: Windows, screenshot: Screenshot
) -> None:
    colin = await windows("sam")
    await colin.page.get_by_role("button", name="Take the tour").click()
    await colin.page.get_by_role("button", name="A burst of 40").click()
    tour = colin.page.get_by_role("complementary", name="Tour: A burst of 40")
    await tour.get_by_role("button", name="Start all 40").click()
    await expect(tour).to_contain_text("Scroll up to it", timeout=PATIENT_MS)
    card = colin.page.locator(".message").filter(has_text="Were these 38 starts expected?")
    await expect(card).to_contain_text("38 of 40 look alike; 2 differ", timeout=PATIENT_MS)
    await card.get_by_role("heading").scroll_into_view_if_needed()
    await screenshot(colin.page, "burst")
    await card.get_by_role("button", name="Confirm all 38 starts").click()
    await colin.dialog("Were these starts expected?").get_by_role("button", name="Yes, all of them").click()
    await expect(tour).to_contain_text("The two that differ", timeout=PATIENT_MS)
    await expect(colin.page.locator(".pane--ways .pane__about")).to_contain_text("2 waiting")
    await colin.confirms("batch-29")
    await colin.rejects("batch-17", "nobody opened SSH on purpose")
    await expect(tour).to_contain_text("its own answer on record", timeout=PATIENT_MS)
    await expect(colin.page.get_by_role("button", name=re.compile("^Confirm "))).to_have_count(0)


async def test_one_window_shows_two_people_and_one_again(windows: Windows) -> None:
    olivia = await windows("olivia", width=1440)
    await olivia.page.get_by_role("button", name="Somebody beside").click()
    beside = olivia.page.frame_locator("iframe.beside")
    await expect(beside.get_by_text("What Nadia Night sees.")).to_be_visible()
    await beside.get_by_role("combobox", name="Look through the eyes of").select_option("colin")
    await expect(beside.get_by_text("What Colin Colleague sees.")).to_be_visible()
    await expect(olivia.page.get_by_text("What Olivia Owner sees.")).to_be_visible()
    await olivia.page.get_by_role("combobox", name="Light or dark").select_option("dark")
    await expect(beside.locator("html")).to_have_attribute("data-theme", "dark")
    await olivia.page.set_viewport_size({"width": 390, "height": 844})
    await expect(olivia.page.locator("iframe.beside")).to_have_count(0)
    await olivia.page.set_viewport_size({"width": 1440, "height": 860})
    await olivia.page.get_by_role("button", name="One alone").click()
    await expect(olivia.page.locator("iframe.beside")).to_have_count(0)
