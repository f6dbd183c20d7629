"""Troubles on demand for the AMQP side: refuse, cut, slow down, detach, close, fall silent."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt

from deploy.sandbox.servicebus import reasons
from deploy.sandbox.servicebus.amqp.frames import AmqpError


class BusFaults(BaseModel):
    """The faults in force; all of them off by default. Those that happen once read back as off.

    Attributes:
        refuse_connections: cut each new connection at once.
        delay_ms: added to every answer to a send or a settlement, and to every delivery.
        drop_connections: cut every connection now.
        drop_after_send: each of the next so many sends is done, and its connection is cut instead of
            answered: the client cannot know whether it arrived.
        busy: refuse sends, operations and new links with *server busy* (50009).
        disabled: queues that are disabled, or ``*`` for all: their links are detached, new ones refused.
        silent: say nothing on any connection, and hear nothing, while TCP lives, as after a failover that
            nobody told the client about. A connection that fell silent stays so; new ones do until this is
            off again.
        locks_end_with_link: when the service detaches a link, the locks of what it delivered end. Off,
            they stay, and ``$management`` takes the settlement.
        detach: detach every link now, as one that nobody used for ten minutes.
        close: close every connection now: ``forced`` as for maintenance, ``unused`` as one without links.
        expire_tokens: every token expires now.
    """

    model_config = ConfigDict(extra="forbid")

    refuse_connections: bool = False
    delay_ms: NonNegativeFloat = 0
    drop_connections: bool = False
    drop_after_send: NonNegativeInt = 0
    busy: bool = False
    disabled: tuple[str, ...] = ()
    silent: bool = False
    locks_end_with_link: bool = False
    detach: bool = False
    close: Literal["", "forced", "unused"] = ""
    expire_tokens: bool = False

    def take_unanswered(self) -> bool:
        """Whether the send at hand is one to be done but not answered; counts down."""
        if self.drop_after_send:
            self.drop_after_send -= 1
            return True
        return False

    def refusal(self, entity: str) -> AmqpError | None:
        """Why work on an entity is refused now, if it is."""
        if self.disables(entity):
            return reasons.disabled(entity)
        return reasons.server_busy() if self.busy else None

    def disables(self, entity: str) -> bool:
        """Whether a queue, or the queue that a dead-letter queue belongs to, is disabled."""
        return not {"*", entity, entity.partition("/$")[0]}.isdisjoint(self.disabled)

    def happened(self) -> None:
        """What happens once has happened."""
        self.drop_connections = self.detach = self.expire_tokens = False
        self.close = ""


TROUBLES: dict[str, dict[str, object]] = {
    "refuse": {"refuse_connections": True, "drop_connections": True},
    "drop": {"drop_connections": True},
    "slow": {"delay_ms": 300},
    "drop after send": {"drop_after_send": 2},
    "detach": {"detach": True},
    "detach, locks lost": {"detach": True, "locks_end_with_link": True},
    "forced close": {"close": "forced"},
    "unused close": {"close": "unused"},
    "busy": {"busy": True},
    "disabled": {"disabled": ["*"]},
    "token expiry": {"expire_tokens": True},
    "silent peer": {"silent": True},
}
"""One body for the control API by the name of each trouble, to draw from."""
