"""How a story finds out whether its parts have come out."""

from deploy.sandbox.stage import Stage, eventually

ONCALL_CHANNEL = "C0ONCALL001"
_LOCKDOWN = "startgate-lockdown-"


class DidNotComeOut(AssertionError):
    """A story's part ended otherwise than it should; the text says which."""


def expect(holds: object, what: str) -> None:
    """Stop the story when something that should hold does not."""
    if not holds:
        raise DidNotComeOut(what)


async def is_contained(stage: Stage, name: str) -> None:
    """As Azure has it, whatever the card says."""

    async def settled() -> bool:
        return bool((await stage.vm(name))["power"] == "deallocated")

    await eventually(f"{name} to be deallocated", settled, within_s=5)
    vm = await stage.vm(name)
    expect(vm["nics"], f"{name} has NICs")
    expect(
        all(_LOCKDOWN in (nic["nsg"] or "") for nic in vm["nics"]),
        f"every NIC of {name} has the lockdown NSG",
    )
    expect(vm["backup"]["status"] != "NotProtected", f"{name} is backed up")
