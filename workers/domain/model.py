"""The bases of every domain object: frozen, strict about what they are made of, JSON-ready.

``Model``   a value that lives in one process, or is written by a person: the policy, a commit, a settlement.
            A field that it doesn't know is an error.
``Stored``  a value that another version of Startgate may have written: documents, nudges, audit records, and
            everything inside them. A field that it doesn't know is kept, and written back with the rest.

A value that is both, such as the lockdown profile of the policy that a document repeats, is ``Stored``; the
policy file is read with ``extra="forbid"``, which holds at every depth.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict


class Model(BaseModel):
    """A value. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def changed(self, **changes: object) -> Self:
        """A validated copy with these fields changed; fields that a newer version wrote stay as they are.

        Raises:
            TypeError: there is no such field.
        """
        if unknown := changes.keys() - type(self).model_fields.keys():
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        return type(self).model_validate({**self.__dict__, **(self.model_extra or {}), **changes})


class Stored(Model):
    """A value that is stored or sent, by itself or inside another. Unknown fields are kept at every depth.

    During a rolling upgrade an older process reads what a newer one wrote, changes what it knows of it, and
    writes it back whole.
    """

    model_config = ConfigDict(extra="allow")


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone")
    return value.astimezone(UTC)


UtcTime = Annotated[datetime, AfterValidator(_in_utc)]
"""An aware time, held in UTC."""


def spelt(pattern: str, like: str) -> AfterValidator:
    """A text that a person writes in one of a few ways; who writes another one is told how, not the pattern.

    Args:
        pattern: regular expression for the whole text.
        like: what to write instead, such as ``write #name or a channel id such as C0123ABCD``.
    """

    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise ValueError(f"{value[:_SHOWN]!r} does not look right; {like}")
        return value

    return AfterValidator(check)


_SHOWN = 80
"""Characters of a wrong text that its error repeats."""
