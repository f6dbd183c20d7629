"""The commands by which a person does a step without Startgate, as words that are quoted when they are shown.

Names in Azure are hostile text. A template is split into words before values are filled in, so that one
never becomes a word of its own; one that looks like an option stays the value of the option before it.
"""

import shlex
from collections.abc import Mapping, Sequence

from workers.domain.containment.plans import Change
from workers.domain.containment.spec import StepSpec
from workers.domain.starts.vm import VmRef

Words = tuple[str, ...]
"""One command: the program, and its arguments as they reach it."""


def commands_of(spec: StepSpec, change: Change, vm: VmRef, *, location: str = "") -> tuple[Words, ...]:
    """The commands of a step's ``spec``; none where there is nothing to do, or the spec has none.

    Args:
        spec: has a template, or another one for a VM whose change says ``other_way``.
        change: what the step is going to change.
        vm: fills ``{subscription}``, ``{resource_group}``, ``{name}`` and ``{id}``.
        location: fills ``{location}``; a template that names it gives no command without it.
    """
    template = spec.other_command if change.other_way else spec.command
    if change.nothing_to_do or change.skipped or vm.classic or ("{location}" in template and not location):
        return ()
    return filled(template, values_of(vm, location=location))


def values_of(vm: VmRef, *, location: str = "") -> dict[str, str]:
    """What a template may name."""
    return {
        "subscription": vm.subscription_id,
        "resource_group": vm.resource_group,
        "name": vm.name,
        "id": vm.resource_id,
        "location": location,
    }


def filled(template: str, values: Mapping[str, str]) -> tuple[Words, ...]:
    """The commands of a template, which has one a line, with these values in it."""
    return tuple(_filled(shlex.split(line), values) for line in template.splitlines() if line.strip())


def az(command: str, options: Mapping[str, str | Sequence[str]]) -> Words:
    """A command of the Azure CLI.

    Args:
        command: such as ``network nsg create``.
        options: by their names without dashes, each with its value or values.
    """
    words = ["az", *command.split()]
    for name, given in options.items():
        first, *others = [given] if isinstance(given, str) else given
        words += [*_option(f"--{name}", first), *others]
    return tuple(words)


def shell_line(words: Words) -> str:
    """One command as a POSIX shell reads it, such as the one of the Azure Cloud Shell."""
    return shlex.join(words)


def _filled(words: Sequence[str], values: Mapping[str, str]) -> Words:
    found: list[str] = []
    for word in words:
        text = word.format_map(values)
        if text.startswith("-") and text != word and found:
            found[-1:] = _option(found[-1], text)
        else:
            found.append(text)
    return tuple(found)


def _option(name: str, value: str) -> Words:
    return (f"{name}={value}",) if value.startswith("-") else (name, value)
