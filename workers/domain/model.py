"""The base of every domain object: frozen, strict about its fields, JSON-ready."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict


class Model(BaseModel):
    """A value. Unknown fields are refused.

    During a rolling upgrade an older process therefore leaves a newer document alone, instead of writing
    it back without what it does not know; the newer process gets the message at its next delivery.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def changed(self, **changes: object) -> Self:
        """A validated copy with these fields changed."""
        return type(self).model_validate({**self.__dict__, **changes})


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone")
    return value.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(_in_utc)]
"""An aware time, held in UTC."""
