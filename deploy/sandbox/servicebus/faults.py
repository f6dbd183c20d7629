"""Faults on demand for the AMQP side: refuse, cut, slow down, do but never answer."""

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt


class BusFaults(BaseModel):
    """The faults in force; all of them off by default.

    Attributes:
        refuse_connections: cut each new connection at once.
        delay_ms: added to every answer to a send or a settlement, and to every delivery.
        drop_connections: cut every connection now; reads back as false, because it is then done.
        drop_after_send: each of the next so many sends is done, and its connection is cut instead of
            answered: the client cannot know whether it arrived.
    """

    model_config = ConfigDict(extra="forbid")

    refuse_connections: bool = False
    delay_ms: NonNegativeFloat = 0
    drop_connections: bool = False
    drop_after_send: NonNegativeInt = 0

    def take_unanswered(self) -> bool:
        """Whether the send at hand is one to be done but not answered; counts down."""
        if self.drop_after_send:
            self.drop_after_send -= 1
            return True
        return False
