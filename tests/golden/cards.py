"""A card with posted, refused and unsent copies."""

from tests import builders as a
from workers.domain.asking.bursts import Member, Ordered
from workers.domain.asking.cards import REFUSED, Card, Copy, CopyKind, Post


def burst_card() -> Card:
    """A card that asks about two questions, with an answer to both under way."""
    member = Member(approval_id=a.approval().id, at=a.NOW, vm="vm-web-01", group="rg-web", version=3, told=2)
    other = member.changed(
        approval_id="a" + "0" * 25, vm="vm-web-02", open=False, said="Confirmed", high=True
    )
    return posted_card().changed(
        members=(member, other),
        differing=("no mfa",),
        ordered=Ordered(decision=a.decision(), starts={member.approval_id: 1}),
    )


def posted_card() -> Card:
    post = Post(intent="0011223344556677", intended_at=a.NOW, ts="1764000000.000100", shows="abcdef")
    return Card(
        id=a.approval().id,
        version=5,
        copies=(
            Copy(
                kind=CopyKind.OWNER,
                channel="D0ALICE01",
                asked=a.ALICE,
                root=post,
                replies={"reminder": post, "step.stop.2": post.changed(ts=None)},
            ),
            Copy(kind=CopyKind.CHANNEL, channel="C0APPROVE", root=post.changed(ts=REFUSED)),
            Copy(kind=CopyKind.ONCALL, channel="C0ONCALL1"),
        ),
        asked_at=a.NOW,
        notice="one owner is not in Slack",
        sought=a.owner(),
    )
