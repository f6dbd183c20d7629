"""The three stories, clicked as a person would."""

from playwright.async_api import expect

from tests.browser.conftest import Screenshot, Windows


async def test_an_owner_confirms_her_own_start(windows: Windows) -> None:
    olivia = await windows("olivia")
    await olivia.start("web-02", as_="Olivia Owner")
    await olivia.sees_way("web-02", "Waiting for an answer")
    await olivia.confirms("web-02")
    await olivia.sees_way("web-02", "Confirmed")
    await expect(olivia.card("web-02")).to_contain_text("Confirmed")
    await expect(olivia.card("web-02").get_by_role("button", name="Reject")).to_have_count(0)
    await expect(olivia.vm("web-02")).to_contain_text("Running")


async def test_a_rejected_start_is_contained_and_the_page_shows_every_step(
    windows: Windows, screenshot: Screenshot
) -> None:
    olivia = await windows("olivia")
    await olivia.start("web-01", as_="Mallory Guest")
    await olivia.sees_way("web-01", "Waiting for an answer")
    await expect(olivia.card("web-01")).to_contain_text("without MFA")
    await expect(olivia.card("web-01")).to_contain_text("Medium risk: unauthorized access")
    await expect(olivia.stage("web-01", "risk")).to_contain_text("medium: unauthorized access")
    await expect(olivia.stage("web-01", "risk").locator("[data-threat]").first).to_be_visible()
    narrow = await windows("olivia", width=390, height=844)
    await narrow.page.get_by_role("navigation", name="Panes").get_by_role("button", name="Slack").click()
    dark = await windows("olivia", scheme="dark")
    tall = await windows("olivia", height=1100)
    for person, name in ((tall, "card-light"), (dark, "card-dark"), (narrow, "card-narrow")):
        await person.card("web-01").get_by_role("heading").scroll_into_view_if_needed()
        await screenshot(person.page, name)

    await olivia.clicks("web-01", "Reject")
    dialog = olivia.dialog("Reject this start")
    await expect(dialog).to_contain_text("Rejecting contains the VM immediately")
    await screenshot(olivia.page, "reject-dialog")
    await dialog.get_by_role("button", name="Show every step").click()
    steps = olivia.dialog("What a rejection does")
    await expect(steps).to_contain_text("running → deallocated")
    await steps.get_by_role("button", name="Back").click()
    await dialog.get_by_role("radio", name="Something else").click()
    await dialog.get_by_role("button", name="Reject and contain").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Say in a few words why you didn't expect it.")
    await dialog.get_by_role("textbox").fill("I am on holiday.")
    await dialog.get_by_role("button", name="Reject and contain").click()

    await olivia.sees_way("web-01", "Contained")
    for step in ("isolate", "stop", "backup"):
        await expect(olivia.stage("web-01", f"step.{step}")).to_have_attribute("data-state", "done")
    await expect(olivia.vm("web-01")).to_contain_text("Deallocated")
    await expect(olivia.vm("web-01")).to_contain_text("Closed")
    await expect(olivia.card("web-01")).to_contain_text("I am on holiday.")
    await expect(olivia.card("web-01").locator(".thread")).to_contain_text("Backed up")
    await olivia.card("web-01").locator(".thread .message__body").last.scroll_into_view_if_needed()
    await screenshot(olivia.page, "contained")


async def test_a_row_opens_to_documents_audit_bus_and_the_very_requests(windows: Windows) -> None:
    olivia = await windows("olivia")
    await olivia.start("island-01", as_="Olivia Owner")
    await olivia.sees_way("island-01", "Waiting for an answer")
    await olivia.way("island-01").get_by_role("button", name="island-01").click()
    panel = olivia.page.get_by_role("tabpanel")
    await expect(panel).to_contain_text("Verdict")
    await expect(panel).to_contain_text("no-backup (misconfiguration, weight 5): this VM has no backup")
    for tab, words in {
        "Documents": "PENDING",
        "Audit": "approval.opened",
        "Bus": "delivered 1 time",
        "Azure": "virtualMachines/island-01",
        "Slack": "chat.postMessage",
    }.items():
        await olivia.page.get_by_role("tab", name=tab).click()
        await expect(panel).to_contain_text(words)
    await panel.locator("summary").first.click()
    await expect(panel.get_by_role("button", name="Copy").first).to_be_visible()
    await olivia.page.keyboard.press("Escape")
    await olivia.sees_way("island-01", "Waiting for an answer")


async def test_on_call_locks_a_machine_down_by_command(windows: Windows) -> None:
    nadia = await windows("nadia")
    await nadia.opens("#vm-oncall")
    await nadia.page.get_by_role("combobox", name="Message").press_sequentially("/vm-lock")
    await expect(nadia.page.get_by_role("option", name="/vm-lockdown")).to_be_visible()
    await nadia.page.keyboard.press("Enter")
    await nadia.page.keyboard.type("db")
    await nadia.page.keyboard.press("Enter")
    dialog = nadia.dialog("Lock down a VM")
    await dialog.get_by_role("textbox", name="Why?").fill("It talks to a strange address.")
    await dialog.get_by_role("button", name="Lock down").click()
    await nadia.sees_way("db-01", "Contained")
    await expect(nadia.way("db-01")).to_contain_text("Ordered by Nadia Night")
    await expect(nadia.vm("db-01")).to_contain_text("startgate-lockdown")


async def test_who_is_not_on_call_is_told_so_and_nothing_happens(windows: Windows) -> None:
    sam = await windows("sam")
    await sam.types("/vm-lockdown jump-01")
    await expect(sam.page.locator(".slack")).to_contain_text("Only on-call can lock down a VM")
    await expect(sam.way("jump-01")).to_have_count(0)


async def test_the_tour_waits_for_the_real_thing_and_ends(windows: Windows) -> None:
    someone = await windows("sam")
    await someone.page.get_by_role("button", name="Take the tour").click()
    await someone.page.get_by_role("button", name="An unknown start").click()
    tour = someone.page.get_by_role("complementary", name="Tour: An unknown start")
    text = await tour.get_by_role("status").inner_text()
    vm = text.rsplit(" ", 1)[1].removesuffix(".")
    await expect(tour).to_contain_text("step 1 of 6")
    await someone.page.get_by_role("button", name=f"Start {vm}").click()
    await expect(tour).to_contain_text("Press Reject")
    await someone.rejects(vm, "Nobody of us did this.")
    await expect(tour).to_contain_text("step 6 of 6")
    await tour.get_by_role("button", name="Done").click()
    await expect(tour).to_have_count(0)


async def test_the_tour_contains_with_everything_looks_at_the_evidence_and_restores(
    windows: Windows, screenshot: Screenshot
) -> None:
    nadia = await windows("nadia")
    await nadia.start("lab-gpu", as_="Colin Colleague")
    await expect(nadia.vm("lab-gpu")).to_contain_text("Running")
    await nadia.page.get_by_role("button", name="Take the tour").click()
    await nadia.page.get_by_role("button", name="Everything, and back").click()
    tour = nadia.page.get_by_role("complementary", name="Tour: Everything, and back")
    typed = (await tour.get_by_role("status").inner_text()).partition("Type ")[2].partition(" and send")[0]
    vm = typed.split()[1]
    await nadia.types(f"{typed} strange traffic")
    await nadia.dialog("Lock down a VM").get_by_role("button", name="Lock down").click()
    await expect(tour).to_contain_text("The evidence")
    for badge in ("2 snapshots", "Encrypted at host", "ReadOnly lock", "Backup"):
        await expect(nadia.vm(vm)).to_contain_text(badge)
    for step in ("isolate", "stop", "snapshot", "backup", "defender", "encrypt", "lock"):
        await expect(nadia.stage(vm, f"step.{step}")).to_have_attribute("data-state", "done")
    await screenshot(nadia.page, "everything")
    await tour.get_by_role("button", name="Next").click()
    await nadia.types(f"/vm-restore {vm} nothing was taken")
    dialog = nadia.dialog("Restore a VM")
    await expect(dialog).to_contain_text("kept as evidence")
    await dialog.get_by_role("button", name="Restore").click()
    await expect(tour).to_contain_text("they are evidence")
    await nadia.sees_way(vm, "Restored")
    await expect(nadia.vm(vm)).not_to_contain_text("ReadOnly lock")
    await expect(nadia.vm(vm)).not_to_contain_text("Encrypted at host")
    await expect(nadia.vm(vm)).to_contain_text("2 snapshots")


async def test_the_tour_can_be_left_at_any_time(windows: Windows) -> None:
    someone = await windows("sam")
    await someone.page.get_by_role("button", name="Take the tour").click()
    await someone.page.get_by_role("button", name="An expected start").click()
    tour = someone.page.get_by_role("complementary", name="Tour")
    await tour.get_by_role("button", name="Leave the tour").click()
    await expect(tour).to_have_count(0)
