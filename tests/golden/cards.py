"""A card with posted, refused and unsent copies."""

from tests import builders as a
from workers.domain.asking.cards import REFUSED, Card, Copy, CopyKind, Post


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
