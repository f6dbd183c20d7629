"""Documents outlive the version that wrote them: their schema number, and how older ones are brought up.

Every document that is stored or sent by itself is ``Numbered``: it carries ``schema_number``, the ``TODAY``
of the process that made it. Three kinds of change, and what each needs:

*A new field with a default, or a new value of an enumeration*: nothing here. Older processes keep the field.
A value that they don't know they can't read: they say so by ``NewerDocument``, and whoever asked comes again.

*A field that is renamed, moved, or means something else*: raise ``TODAY`` by one, and give each kind that has
changed a function in ``UPGRADES`` under the number that it had **before**. It takes the document as JSON
objects and lists, and answers it as the next number has it::

    def _approval_1(document: Json) -> Json:
        # the owner's addresses moved into a list of people
        owner = document["owner"]
        owner["people"] = [{"email": email} for email in owner.pop("emails")]
        return document

    UPGRADES = {"approval": {1: _approval_1}}

Functions are chained, 1 → 2 → 3, and never changed once released. Older processes read the newer document if
it validates; else it is a ``NewerDocument`` to them.

*A field that goes*: stop reading it in one version, and take it away in the next.

After each of these run ``python -m tests.golden``, which writes today's documents beside those of earlier
numbers. The tests read them all.
"""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from workers.domain.errors import NewerDocument
from workers.domain.model import Stored

Json = dict[str, Any]

TODAY = 1
"""The number of what this version writes. 0 stands for documents from before there were numbers."""

UPGRADES: dict[str, dict[int, Callable[[Json], Json]]] = {}
"""Kind → number → what makes a document of that number one of the next. What is not listed did not change."""

_UNKNOWN_VALUE = frozenset({"enum", "literal_error"})


class Numbered(Stored):
    """What is stored or sent by itself.

    Attributes:
        document_kind: its name in ``UPGRADES`` and in errors.
        schema_number: of the version that made it, or brought it up; a newer one's is kept.
    """

    document_kind: ClassVar[str]

    schema_number: int = TODAY


D = TypeVar("D", bound=Numbered)


def read(model: type[D], text: str | bytes) -> D:
    """The document in this JSON text, brought up to today if it is older.

    Raises:
        NewerDocument: this version can't read it, because a newer one wrote it.
        ValidationError: it is broken.
    """
    try:
        document = model.model_validate_json(text)
    except ValidationError as error:
        return _read_older(model, text, error)
    if document.schema_number >= TODAY and "schema_number" in document.model_fields_set:
        return document
    return _brought_up(model, from_json(text))


def _read_older(model: type[D], text: str | bytes, error: ValidationError) -> D:
    """As ``read``, for what does not validate as it is."""
    try:
        document = from_json(text)
    except ValueError:
        raise error from None
    if not isinstance(document, dict):
        raise error
    number = _number(document)
    if number < TODAY:
        return _brought_up(model, document)
    problems = error.errors(include_url=False, include_context=False)
    if number == TODAY and not all(problem["type"] in _UNKNOWN_VALUE for problem in problems):
        raise error
    first = ".".join(map(str, problems[0]["loc"]))
    raise NewerDocument(
        f"{model.document_kind} {str(document.get('id', ''))[:40]}".strip()
        + f" was written by a newer version of Startgate: this one can't read {first} (schema {number}, "
        f"known is {TODAY}). Update this process, or wait until the update has come through."
    ) from error


def _brought_up(model: type[D], document: Json) -> D:
    upgrades = UPGRADES.get(model.document_kind, {})
    for number in range(_number(document), TODAY):
        if number in upgrades:
            document = upgrades[number](document)
    return model.model_validate_json(to_json({**document, "schema_number": TODAY}))


def _number(document: Json) -> int:
    number = document.get("schema_number", 0)
    return number if isinstance(number, int) and number >= 0 else 0
