"""The bases of every domain object: frozen, strict about what they are made of, JSON-ready.

``Model``   a value that lives in one process, or is written by a person: the policy, a commit, a settlement.
            A field that it doesn't know is an error.
``Stored``  a value that another version of Startgate may have written: documents, nudges, audit records, and
            everything inside them. A field that it doesn't know is kept, and written back with the rest.

A value that is both, such as the lockdown profile of the policy that a document repeats, is ``Stored``; the
policy file is read with ``extra="forbid"``, which holds at every depth.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


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


@dataclass(frozen=True, slots=True)
class spelt:  # noqa: N801 - reads as a word in annotations
    """A text that a person writes in one of a few ways; who writes another one is told how, not the pattern.

    Attributes:
        pattern: regular expression for the whole text.
        like: what to write instead, such as ``write #name or a channel id such as C0123ABCD``.
    """

    pattern: str
    like: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Checks it after pydantic has found that it is text."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """For editors: what to write, and the pattern where their dialect of patterns has it."""
        schema = handler(core)
        schema["description"] = f"{self.like[:1].upper()}{self.like[1:]}."
        if not self.pattern.startswith("(?"):
            schema["pattern"] = f"^(?:{self.pattern})$"
        return schema

    def _check(self, value: str) -> str:
        if re.fullmatch(self.pattern, value) is None:
            raise ValueError(f"{value[:_SHOWN]!r} does not look right; {self.like}")
        return value


_SHOWN = 80
"""Characters of a wrong text that its error repeats."""
