"""Somebody whom no other test knows: what is one person's own, such as a list, is this test's alone."""

import uuid
from dataclasses import dataclass

from deploy.sandbox.client import Control

_LIKE = "olivia"
"""Whose role in Azure a newcomer has, and whose way to sign in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Newcomer:
    """A person in Slack, who can press start in Azure, too.

    Attributes:
        key: what acts take: ``scene.click(newcomer.key, …)``, ``scene.ask(newcomer.key)``.
        id: in Slack.
    """

    key: str
    id: str
    email: str

    @property
    def tags(self) -> dict[str, str]:
        """Tags of a VM that is theirs."""
        return {"owner": self.email, "env": "prod"}


async def join(
    slack: Control,
    azure: Control,
    *,
    prefix: str,
    tz: str,
    tz_offset_s: int,
    usergroups: tuple[str, ...],
) -> Newcomer:
    """Add somebody; their key, address and id were never used, so the product has nothing about them yet.

    What the product knows of a user group, which is up to a minute old, does not name them yet.
    """
    key = f"{prefix}-{uuid.uuid4().hex[:12]}"
    email, name = f"{key}@contoso.example", f"New {key}"
    who = await slack.post(
        "/_people",
        key=key,
        name=name,
        email=email,
        tz=tz,
        tz_offset=tz_offset_s,
        channels=["vm-approvals"],
        usergroups=list(usergroups),
    )
    await azure.post("/_principals", key=key, email=email, name=name, like=_LIKE)
    return Newcomer(key=key, id=str(who["id"]), email=email)
