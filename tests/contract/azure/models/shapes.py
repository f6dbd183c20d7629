"""Holds a JSON body against a model of the management SDKs: known properties, types and enumerations.

The packages publish their bodies twice: as typed dictionaries with the names of the wire
(``azure.mgmt.X.types``) and, for what is only answered, as classes (``azure.mgmt.X.models``). Both are
read by ``typing.get_type_hints``. How a property of a class is called on the wire is asked of an instance
that has only this property: it is a mapping with the names of the wire.
"""

import datetime as dt
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from types import ModuleType, UnionType
from typing import Any, Literal, NotRequired, Required, Union
from typing import NotRequired as NotRequiredExt
from typing import Required as RequiredExt

from typing_extensions import is_typeddict

_MARKS = (Required, NotRequired, RequiredExt, NotRequiredExt)
_REQUIRED = (Required, RequiredExt)
_TEXTS = (dt.datetime, dt.date, dt.time, dt.timedelta, bytes)
"""What a model holds as a Python object and the wire as a string."""

_PROBES: tuple[Any, ...] = ("2026-01-01T00:00:00Z", "PT1S", [], {}, 0)


class Package:
    """The models of one management package."""

    def __init__(self, types: ModuleType, models: ModuleType) -> None:
        self._types = types
        self._models = models
        self._names = {**vars(models), **vars(types), "_models": models, "datetime": dt}

    def model(self, name: str) -> Any:
        """The model of this name, by preference the one with the names of the wire."""
        return getattr(self._types, name, None) or getattr(self._models, name)

    def faults(self, body: Any, name: str) -> Iterator[str]:
        """What of a body the model doesn't know, one sentence each, with the path to it."""
        yield from self._value(body, self.model(name), "")

    def _value(self, value: Any, hint: Any, path: str) -> Iterator[str]:
        origin, given = typing.get_origin(hint), typing.get_args(hint)
        if origin in _MARKS:
            yield from self._value(value, given[0], path)
        elif hint is Any or hint is object:
            return
        elif origin in (Union, UnionType):
            yield from self._union(value, given, path)
        elif origin is Literal:
            words = [word.value if isinstance(word, Enum) else word for word in given]
            if value not in words:
                yield f"{path}: {value!r} is none of {words}"
        elif origin is list:
            yield from self._list(value, given[0], path)
        elif origin in (dict, Mapping) or hint is dict:
            yield from self._dict(value, given[1] if given else Any, path)
        elif self._is_model(hint):
            yield from self._model(value, hint, path)
        else:
            yield from self._plain(value, hint, path)

    def _union(self, value: Any, hints: tuple[Any, ...], path: str) -> Iterator[str]:
        if value is None and type(None) in hints:
            return
        words = [hint for hint in hints if isinstance(hint, type) and issubclass(hint, Enum)]
        if words and isinstance(value, str):
            # The SDK takes any string; the specification names the words there are.
            known = [member.value for hint in words for member in hint]
            if value not in known:
                yield f"{path}: {value!r} is none of {known}"
            return
        choices = [hint for hint in hints if hint is not type(None)]
        results = [list(self._value(value, hint, path)) for hint in self._fitting(value, choices)]
        if results and all(results):
            yield from min(results, key=len)
        elif not results:
            yield f"{path}: {value!r} fits none of {len(choices)} kinds"

    def _fitting(self, value: Any, choices: list[Any]) -> list[Any]:
        """Of several models, those whose fixed words are the value's: its kind."""
        models = [hint for hint in choices if self._is_model(hint)]
        if not isinstance(value, dict) or len(models) != len(choices) or len(models) < 2:
            return choices
        return [hint for hint in models if all(not found for found in self._kinds(value, hint))]

    def _kinds(self, value: dict[str, Any], model: Any) -> Iterator[list[str]]:
        for key, hint in self._properties(model).items():
            bare = typing.get_args(hint)[0] if typing.get_origin(hint) in _MARKS else hint
            if typing.get_origin(bare) is Literal:
                yield list(self._value(value.get(key), bare, key))

    def _list(self, value: Any, inner: Any, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{path}: {type(value).__name__} instead of a list"
            return
        for index, item in enumerate(value):
            yield from self._value(item, inner, f"{path}[{index}]")

    def _dict(self, value: Any, inner: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: {type(value).__name__} instead of an object"
            return
        for key, item in value.items():
            yield from self._value(item, inner, f"{path}.{key}")

    def _model(self, value: Any, model: Any, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: {type(value).__name__} instead of a {model.__name__}"
            return
        kinds = self._subclasses(model)
        if kinds:
            yield from self._union(value, kinds, path)
            return
        properties = self._properties(model)
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            if key in properties:
                yield from self._value(item, properties[key], inner)
            else:
                yield f"{inner}: {model.__name__} has no such property"
        # Not by __required_keys__: generated subclasses forget ``total=False`` and would require everything.
        required = {key for key, hint in properties.items() if typing.get_origin(hint) in _REQUIRED}
        for key in sorted(required - value.keys()):
            yield f"{path or '(body)'}: {model.__name__} requires {key}"

    def _plain(self, value: Any, hint: Any, path: str) -> Iterator[str]:
        expected = str if hint in _TEXTS else hint
        if isinstance(expected, type) and issubclass(expected, Enum):
            if value not in [member.value for member in expected]:
                yield f"{path}: {value!r} is no {expected.__name__}"
            return
        numbers = expected is float and isinstance(value, int)
        truth = isinstance(value, bool) and expected is not bool
        if truth or not (isinstance(value, expected) or numbers):
            yield f"{path}: {value!r} instead of {getattr(expected, '__name__', expected)}"

    @staticmethod
    def _is_model(hint: Any) -> bool:
        return is_typeddict(hint) or (isinstance(hint, type) and issubclass(hint, typing.MutableMapping))

    @staticmethod
    def _subclasses(model: Any) -> tuple[Any, ...]:
        """The kinds of a model that is only answered, such as a job's: its subclasses with a fixed word."""
        if is_typeddict(model):
            return ()
        return tuple(one for one in model.__subclasses__() if one.__module__ == model.__module__)

    @cache  # noqa: B019 - lives as long as the tests
    def _properties(self, model: Any) -> dict[str, Any]:
        """The properties of a model by the wire's names, with their types."""
        hints = typing.get_type_hints(model, globalns=self._names, include_extras=True)
        if is_typeddict(model):
            return hints
        public = {name: hint for name, hint in hints.items() if not name.startswith("_")}
        return {_wire_name(model, name): hint for name, hint in public.items()}


def _wire_name(model: Any, name: str) -> str:
    """How a property of a class is called on the wire: the key that it adds to an instance."""
    empty = set(model())
    for probe in _PROBES:
        try:
            added = set(model(**{name: probe})) - empty
        except (TypeError, ValueError, AttributeError):
            continue
        if added:
            return str(added.pop())
    return name.split("_", maxsplit=1)[0] + "".join(word.title() for word in name.split("_")[1:])
