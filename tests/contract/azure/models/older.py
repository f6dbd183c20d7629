"""Holds a JSON body against the models of a package from Microsoft's older generator.

Those publish no types with the names of the wire. But a model reads a body and writes it again, and what it
doesn't know is lost on the way: so whatever doesn't come back is a fault. What is required, and which values
the specification enumerates, is not checked: these models take any text, and no property at all.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from azure.core.exceptions import AzureError


class OlderPackage:
    """The models of one api-version."""

    def __init__(self, models: ModuleType) -> None:
        self._models = models

    def faults(self, body: Any, name: str) -> Iterator[str]:
        """What of a body the model doesn't know, one sentence each, with the path to it."""
        try:
            kept = getattr(self._models, name).deserialize(body).serialize(keep_readonly=True)
        except (AzureError, ValueError, TypeError, AttributeError) as error:
            yield f"(body): {name} does not take it: {error}"
            return
        yield from _lost(body, kept, name, "")


def _lost(body: Any, kept: Any, name: str, path: str) -> Iterator[str]:
    if isinstance(body, dict) and isinstance(kept, dict):
        for key, value in body.items():
            inner = f"{path}.{key}" if path else key
            if value is None:  # never written
                continue
            if key in kept:
                yield from _lost(value, kept[key], name, inner)
            else:
                yield f"{inner}: {name} has no such property"
    elif isinstance(body, list) and isinstance(kept, list) and len(body) == len(kept):
        for index, (one, other) in enumerate(zip(body, kept, strict=True)):
            yield from _lost(one, other, name, f"{path}[{index}]")
    elif type(body) is not type(kept):
        yield f"{path}: {body!r} instead of {type(kept).__name__}"
