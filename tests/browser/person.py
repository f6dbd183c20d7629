"""A person at the page: what they press, type and see. Nothing here waits for anything but what is shown."""

import re
from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect


@dataclass
class Taps:
    """A finger on a phone, and how often it has tapped."""

    page: Page
    count: int = 0

    async def on(self, target: Locator) -> None:
        """Tap what is on the screen in its whole width."""
        await target.scroll_into_view_if_needed()
        box, size = await target.bounding_box(), self.page.viewport_size
        assert box is not None
        assert size is not None
        assert box["x"] >= 0, box
        assert box["x"] + box["width"] <= size["width"], box
        await target.tap()
        self.count += 1


@dataclass(frozen=True)
class Person:
    """One window."""

    page: Page

    # -- Azure ---------------------------------------------------------------------------------------

    def vm(self, name: str) -> Locator:
        """A machine's card."""
        return self.page.get_by_role("article", name=name, exact=True)

    async def start(self, vm: str, *, as_: str) -> None:
        """Start a machine as somebody: by the words of the choice."""
        await self.choose("Start machines as", as_)
        await self.page.get_by_role("button", name=f"Start {vm}", exact=True).click()

    async def choose(self, field: str, words: str) -> None:
        """Choose what begins with these words."""
        select = self.page.get_by_role("combobox", name=field)
        option = select.locator("option").filter(has_text=words).first
        await select.select_option(value=await option.get_attribute("value") or "")

    # -- Startgate -----------------------------------------------------------------------------------

    def way(self, vm: str) -> Locator:
        """The newest row of a machine."""
        return (
            self.page.locator(".way").filter(has=self.page.get_by_role("button", name=vm, exact=True)).first
        )

    async def sees_way(self, vm: str, headline: str) -> None:
        """Wait until the row says so."""
        await expect(self.way(vm).locator(".way__state")).to_have_text(headline)

    def stage(self, vm: str, key: str) -> Locator:
        """A stage of the row."""
        return self.way(vm).locator(f"[data-stage='{key}']")

    # -- Slack ---------------------------------------------------------------------------------------

    async def opens(self, conversation: str) -> None:
        """Look at a conversation."""
        conversations = self.page.get_by_role("navigation", name="Conversations")
        await conversations.get_by_role("button", name=conversation).click()

    def card(self, vm: str) -> Locator:
        """The newest message with the machine's name that others see too."""
        return self.page.locator(".messages .message[data-ephemeral='false']").filter(has_text=vm).last

    async def clicks(self, vm: str, button: str) -> None:
        """Press Confirm or Reject on the VM's card; a screen reader hears which VM it is about."""
        label = f"{button} the start of {vm}"
        await self.card(vm).get_by_role("button", name=label, exact=True).click()

    def dialog(self, title: str) -> Locator:
        """A dialog in front of Slack."""
        return self.page.get_by_role("dialog", name=title)

    async def confirms(self, vm: str) -> None:
        """Confirm, and say yes to the question, or why: at high risk a dialog asks for a reason."""
        await self.clicks(vm, "Confirm")
        dialog = self.dialog("Was this start expected?")
        yes = dialog.get_by_role("button", name=re.compile("^(Yes, |Confirm$)"))
        await expect(yes).to_be_visible()
        if await dialog.get_by_role("textbox").count():
            await dialog.get_by_role("textbox").first.fill("planned work of ours")
        await yes.click()

    async def confirms_as_soon_as_possible(self, vm: str) -> None:
        """Confirm, and again for as long as the page says that it did not arrive."""
        answered = self.way(vm).locator(".way__state", has_text="Confirmed")
        note = self.page.locator(".note", has_text="again")
        while not await answered.count():
            await self.confirms(vm)
            await expect(note.or_(answered).first).to_be_visible()
            if await note.count():
                await note.get_by_role("button", name="Close").click()

    async def rejects(self, vm: str, reason: str) -> None:
        """Reject, with a reason."""
        await self.clicks(vm, "Reject")
        dialog = self.dialog("Reject this start")
        await dialog.get_by_role("textbox").first.fill(reason)
        await dialog.get_by_role("button", name="Reject and contain").click()
        await expect(dialog).to_have_count(0)

    async def types(self, text: str) -> None:
        """Type into the message box, and send it."""
        box = self.page.get_by_role("combobox", name="Message")
        await box.fill(text)
        await box.press("Enter")

    # -- Faults --------------------------------------------------------------------------------------

    async def process(self, name: str, button: str) -> None:
        """Do something to a process."""
        await self.page.get_by_role("button", name=f"{name}: ").click()
        await (
            self.page.get_by_role("group", name=f"{name}: health and faults")
            .get_by_role("button", name=button, exact=True)
            .click()
        )

    async def trouble(self, name: str, mode: str) -> None:
        """Put a service into a mode, and close the panel."""
        await self.page.get_by_role("button", name=f"{name}: ").click()
        panel = self.page.get_by_role("group", name=f"{name}: health and faults")
        await panel.get_by_role("radio", name=mode).click()
        await self.page.keyboard.press("Escape")

    async def sees_process(self, name: str, state: str) -> None:
        """Wait until its chip says so."""
        await expect(self.page.get_by_role("button", name=f"{name}: {state}")).to_be_visible()
