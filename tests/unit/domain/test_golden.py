"""Every document that a version ever wrote is read by this one, and nothing of it is lost."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from tests.golden import ROOT
from tests.golden.documents import MODELS, documents
from workers.domain.model import Stored
from workers.domain.schema import TODAY, Numbered, read

FILES = sorted(ROOT.glob("v*/*.json"))
OF_TODAY = documents()


def model_of(name: str) -> type[Numbered]:
    return next(model for kind, model in MODELS.items() if name == kind or name.startswith(f"{kind}-"))


def shape(value: Any, where: str = "") -> dict[str, type]:
    """Each place in a JSON document → the type that is found there; of a list, its first element."""
    found: dict[str, type] = {where: type(value)}
    if isinstance(value, dict):
        for name, part in value.items():
            found |= shape(part, f"{where}.{name}")
    elif isinstance(value, list) and value:
        found |= shape(value[0], f"{where}[]")
    return found


def with_news(value: Any) -> Any:
    """JSON of a value as a newer version writes it: with a field more in every object that is one of ours."""
    if isinstance(value, BaseModel):
        fields = {name: with_news(getattr(value, name)) for name in type(value).model_fields}
        return {**fields, "of_a_newer_version": {"told": [1, None, "x"]}}
    if isinstance(value, tuple):
        return [with_news(part) for part in value]
    if isinstance(value, dict):
        return {name: with_news(part) for name, part in value.items()}
    return to_jsonable_python(value)


def test_there_are_golden_documents_of_every_number_and_kind() -> None:
    for number in range(1, TODAY + 1):
        names = {path.stem for path in FILES if path.parent.name == f"v{number}"}
        assert {model_of(name) for name in names} == set(MODELS.values())
    assert set(MODELS.values()) == set(_subclasses(Numbered))


def _subclasses(kind: type) -> list[type]:
    direct = [each for each in kind.__subclasses__() if each.__module__.startswith("workers.")]
    return [*direct, *(below for each in direct for below in _subclasses(each))]


def test_today_s_documents_are_all_on_file() -> None:
    on_file = {path.stem for path in FILES if path.parent.name == f"v{TODAY}"}
    assert on_file >= set(OF_TODAY), "run python -m tests.golden, and commit what it writes"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_is_read_and_says_today_s_number(path: Path) -> None:
    document = read(model_of(path.stem), path.read_text(encoding="utf-8"))
    assert document.schema_number == TODAY
    assert read(type(document), document.model_dump_json()) == document


@pytest.mark.parametrize("name", OF_TODAY)
def test_today_s_writers_write_what_readers_of_this_number_expect(name: str) -> None:
    golden = json.loads((ROOT / f"v{TODAY}" / f"{name}.json").read_text(encoding="utf-8"))
    expected, written = shape(golden), shape(json.loads(OF_TODAY[name].model_dump_json()))
    wrong = {
        place: (kind.__name__, written.get(place, type(None)).__name__)
        for place, kind in expected.items()
        if place not in written or (kind is not type(None) and written[place] is not kind)
    }
    assert not wrong, "raise TODAY and write a function for it: workers/domain/schema.py says how"


@pytest.mark.parametrize("name", OF_TODAY)
def test_a_field_of_a_newer_version_is_kept_in_every_object_at_every_depth(name: str) -> None:
    newer = with_news(OF_TODAY[name])
    document = read(model_of(name), json.dumps(newer))
    assert json.loads(document.model_dump_json()) == newer
    changed = document.changed(schema_number=TODAY)
    assert json.loads(changed.model_dump_json()) == newer


def test_all_that_is_inside_a_document_keeps_unknown_fields() -> None:
    seen: set[type] = set()
    for model in MODELS.values():
        _walk(model, seen)
    assert len(seen) > 20
    strict = [model.__name__ for model in seen if not issubclass(model, Stored)]
    assert not strict, "a value that is stored is a Stored: workers/domain/model.py says why"


def _walk(annotation: Any, seen: set[type]) -> None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation not in seen:
            seen.add(annotation)
            for field in annotation.model_fields.values():
                _walk(field.annotation, seen)
        return
    for part in getattr(annotation, "__args__", ()):
        _walk(part, seen)
