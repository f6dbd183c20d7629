"""How older and newer documents are read; and that our own code invents no field."""

import json
from enum import StrEnum
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from tests import builders as a
from workers.domain import schema
from workers.domain.asking.approvals import Approval
from workers.domain.containment.containment import Containment
from workers.domain.errors import NewerDocument
from workers.domain.schema import TODAY, Numbered, read
from workers.domain.starts.vm import VmRecord


class Colour(StrEnum):
    RED = "red"


class Box(Numbered):
    """A document that has had three shapes: weight in pounds, in kilograms, and as mass."""

    document_kind: ClassVar[str] = "box"

    id: str = ""
    mass: float
    colour: Colour = Colour.RED


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today is number 3."""

    def kilograms(document: dict[str, Any]) -> dict[str, Any]:
        pounds = document.pop("pounds")
        return {**document, "kg": pounds / 2}

    def renamed(document: dict[str, Any]) -> dict[str, Any]:
        mass = document.pop("kg")
        return {**document, "mass": mass}

    monkeypatch.setattr(schema, "TODAY", 3)
    monkeypatch.setattr(schema, "UPGRADES", {"box": {1: kilograms, 2: renamed}, "other": {1: lambda _: {}}})


def text(**fields: Any) -> str:
    return json.dumps(fields)


@pytest.mark.usefixtures("third")
class TestOlder:
    def test_an_older_document_comes_up_number_by_number(self) -> None:
        assert read(Box, text(schema_number=1, pounds=10)) == Box(schema_number=3, mass=5)
        assert read(Box, text(schema_number=2, kg=7, label="x")).model_extra == {"label": "x"}

    def test_one_from_before_there_were_numbers_comes_up_too(self) -> None:
        assert read(Box, text(pounds=10)) == Box(schema_number=3, mass=5)

    def test_a_document_that_would_validate_as_it_is_is_brought_up_all_the_same(self) -> None:
        assert read(Box, text(schema_number=2, mass=1, kg=7)).mass == 7

    def test_today_s_is_read_as_it_is(self) -> None:
        assert read(Box, text(schema_number=3, mass=1, pounds=99)).mass == 1

    @pytest.mark.parametrize("number", [-1, "1", None, 1.5])
    def test_a_number_that_is_none_counts_as_before_there_were_any(self, number: object) -> None:
        assert read(Box, text(schema_number=number, pounds=10)).mass == 5


class TestNewer:
    def test_one_that_validates_is_read_and_keeps_its_number_when_written_back(self) -> None:
        document = read(Box, text(schema_number=TODAY + 1, mass=1, lid=True))
        assert json.loads(document.changed(mass=2).model_dump_json()) == {
            "schema_number": TODAY + 1,
            "id": "",
            "mass": 2,
            "colour": "red",
            "lid": True,
        }

    def test_one_that_does_not_validate_says_that_it_is_newer_and_what_to_do(self) -> None:
        with pytest.raises(
            NewerDocument, match=r"box b1 was written by a newer version.*Update this process"
        ):
            read(Box, text(schema_number=TODAY + 1, id="b1", weight={"kg": 1}))

    def test_an_unknown_value_of_an_enumeration_is_a_newer_version_s(self) -> None:
        with pytest.raises(NewerDocument, match="can't read colour"):
            read(Box, text(schema_number=TODAY, mass=1, colour="blue"))

    @pytest.mark.parametrize(
        ("model", "document", "path"),
        [
            (Approval, a.approval(), "state"),
            (Approval, a.approval(), "terms.on_silence"),
            (Approval, a.approval(), "terms.lockdown.steps.0"),
            (Approval, a.approval(), "plan.steps.0.step"),
            (Containment, a.containment(), "steps.1.name"),
            (Containment, a.containment(), "cause.kind"),
        ],
    )
    def test_so_is_a_new_step_state_or_verdict_wherever_it_stands(
        self, model: type[Numbered], document: Numbered, path: str
    ) -> None:
        newer = json.loads(document.model_dump_json())
        *way, last = path.split(".")
        place: Any = newer
        for part in way:
            place = place[int(part)] if part.isdecimal() else place[part]
        place[int(last) if last.isdecimal() else last] = "of a newer version"
        with pytest.raises(NewerDocument, match=path.replace(".", r"\.")):
            read(model, json.dumps(newer))


class TestBroken:
    @pytest.mark.parametrize(
        "broken",
        [
            "",
            "{",
            "[]",
            "1",
            "null",
            "{}",
            text(schema_number=TODAY, mass="x"),
            text(schema_number=0, mass="x"),
        ],
    )
    def test_a_broken_document_is_no_newer_one(self, broken: str) -> None:
        with pytest.raises(ValidationError):
            read(Box, broken)

    def test_neither_is_one_with_an_unknown_value_and_another_fault(self) -> None:
        with pytest.raises(ValidationError):
            read(Box, text(schema_number=TODAY, mass="x", colour="blue"))


class TestOurOwnCode:
    def test_a_change_of_a_field_that_is_none_is_refused(self) -> None:
        with pytest.raises(TypeError, match="VmRecord has no field containment"):
            VmRecord(vm=a.vm_ref()).changed(containment="c")

    def test_a_change_keeps_what_a_newer_version_wrote(self) -> None:
        document = read(Box, text(schema_number=TODAY, mass=1, lid=True))
        assert document.changed(mass=2).changed(mass=3).model_extra == {"lid": True}
