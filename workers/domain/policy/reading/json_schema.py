"""A JSON Schema of the policy file, for editors: made from the model, so that it says what the model says.

It holds what can be said of one value alone. What takes more, such as valid conditions, deadlines in order
and profiles that exist, ``startgate policy check`` finds.
Source: https://json-schema.org/draft/2020-12/schema
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from workers.domain.durations import written
from workers.domain.policy.cel.variables import ABOUT_VMS, VARIABLES
from workers.domain.policy.model import Policy
from workers.domain.starts.signals.table import IDS

_ATTRIBUTES = "\n\nAttributes:\n"
_ATTRIBUTE = re.compile(r"^ {4}(?P<name>\w+): (?P<text>.*(?:\n {8}.*)*)", re.MULTILINE)
_TYPES = {"flags": "map of bool", "map": "map of string", "list": "list of string"}


def policy_schema() -> JsonSchemaValue:
    """The schema, ready for JSON."""
    schema = Policy.model_json_schema(schema_generator=_Generator, mode="validation")
    models = schema["$defs"]
    for name, about in (("Rule", tuple(VARIABLES)), ("Guard", tuple(sorted(ABOUT_VMS)))):
        models[name]["properties"]["when"]["description"] += f" {_may_read(about)}"
    models["RiskSettings"]["properties"]["weights"]["propertyNames"] = {"enum": list(IDS)}
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "The policy of Startgate"}


def policy_schema_text() -> str:
    """The schema as a file."""
    return json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"


def _may_read(names: Iterable[str]) -> str:
    told = ", ".join(
        f"{name} ({_TYPES.get(kind, kind)})" for name in names for kind in [VARIABLES[name].type]
    )
    return f"A CEL expression that gives true or false. It may read {told}."


class _Generator(GenerateJsonSchema):
    """Pydantic's, with defaults as people write them, and with a description of each setting."""

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        made = super().generate(schema, mode)
        for model in (made, *made.get("$defs", {}).values()):
            if "properties" in model:
                _describe(model)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the name says it already
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Without defaults that say nothing, and those of whole sections, which their settings repeat."""
        default = schema.get("default")
        if default is None or isinstance(default, BaseModel) or default in ((), "", {}):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def encode_default(self, dft: Any) -> Any:
        return written(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Other keys than those of the pattern are errors."""
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made


def _describe(model: JsonSchemaValue) -> None:
    """Tell of each property what the model's docstring does, and then how a value is written."""
    head, _, attributes = model.get("description", "").partition(_ATTRIBUTES)
    model["description"] = _one_line(head)
    # A profile and its parts keep what a newer version stored; in a file that people write it is an error.
    model["additionalProperties"] = False
    for found in _ATTRIBUTE.finditer(attributes):
        about = model["properties"][found["name"]]
        about["description"] = " ".join([_sentence(found["text"]), *_how(about)])


def _how(about: JsonSchemaValue) -> Iterator[str]:
    for part in (about, *about.get("anyOf", ()), about.get("items", {})):
        if text := part.get("description"):
            yield text


def _sentence(text: str) -> str:
    text = _one_line(text)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _one_line(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
