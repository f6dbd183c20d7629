"""Somebody writes themselves into a VM's owner tag, and starts it: its former owner is asked all the same."""

import aiohttp
from pydantic import SecretStr

from deploy.sandbox.stage import eventually
from deploy.sandbox.system import ARM_TOKEN
from tests.scenario.scene import COLIN, CONFIRM, Entry, Scene
from workers.domain.starts.vm import VmRef
from workers.store.connection import connect
from workers.store.inventory import RedisInventory


async def _listed(scene: Scene, vm: Entry) -> None:
    """The inventory knows the VM."""
    async with connect(SecretStr(scene.system.redis_url)) as client:
        inventory = RedisInventory(client)

        async def known() -> bool:
            return bool(await inventory.lines([VmRef.parse(vm["id"])]))

        await eventually("the VM to be listed", known)


async def _tag(scene: Scene, vm: Entry, **tags: str) -> None:
    """As anybody with the role Tag Contributor can."""
    headers = {"Authorization": f"Bearer {ARM_TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.patch(
            f"{scene.azure.url}{vm['id']}", params={"api-version": "2024-07-01"}, json={"tags": tags}
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()

    async def done() -> bool:
        return bool((await scene.vm_now(vm["id"]))["tags"] == tags)

    await eventually("the tags to be written", done)


async def test_the_former_owner_is_asked_and_the_caller_cannot_confirm_by_a_changed_tag(scene: Scene) -> None:
    vm = await scene.new_vm("tagged")
    await _listed(scene, vm)
    await _tag(scene, vm, owner="colin@contoso.example")

    start = await scene.press_start(vm, "colin")
    copies = await scene.copies(start, 3)

    channel = next(copy for copy in copies if not copy.channel.startswith("D"))
    shown = "\n".join([await scene.shown(copy) for copy in copies])
    assert "names “colin@contoso.example” since " in shown
    assert "before, it named “olivia@contoso.example”" in shown
    assert "names you, or did so until it was changed" in shown

    await scene.click("colin", channel, CONFIRM)
    await scene.told(COLIN, "Your account started this VM, at high risk", since=start.seq)
    await scene.click("olivia", channel, CONFIRM)
    await scene.until_shown(channel, "the former owner's answer", "Confirmed by *olivia*")
