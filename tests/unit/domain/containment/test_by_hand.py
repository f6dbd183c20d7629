"""Commands to copy into a shell: whatever a name holds, it stays one word."""

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import builders as a
from workers.domain.containment.by_hand import az, commands_of, filled, shell_line, values_of
from workers.domain.containment.plans import Change
from workers.domain.containment.spec import StepName

TEMPLATE = "az vm thing --name {name} --tag owner={name} --ids {id}"
HOSTILE = (
    "$(touch /tmp/x)",
    "`id`",
    "a'b",
    'a"b',
    "; rm -rf /",
    "a\nb",
    "--yes",
    "-n",
    "{name}",
    "a b",
    "#",
    "",
)

names = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)


@given(names)
def test_a_value_is_never_more_than_one_word(name: str) -> None:
    (words,) = filled(TEMPLATE, values_of(a.vm_ref()) | {"name": name})
    back = shlex.split(shell_line(words))
    assert tuple(back) == words
    named = ("--name", name) if not name.startswith("-") else (f"--name={name}",)
    assert words == ("az", "vm", "thing", *named, "--tag", f"owner={name}", "--ids", a.vm_ref().resource_id)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_shell_reads_a_hostile_name_as_it_is(name: str) -> None:
    line = shell_line(az("x", {"name": name, "ids": ["1", name]}))
    said = subprocess.run(
        ["/bin/sh", "-c", line.replace("az x", "printf '%s\\0'", 1)], capture_output=True, check=True
    )
    first = [f"--name={name}"] if name.startswith("-") else ["--name", name]
    assert said.stdout.decode().split("\0")[:-1] == [*first, "--ids", "1", name]


def test_a_template_of_several_lines_is_several_commands() -> None:
    assert filled("az one --name {name}\naz two\n", {"name": "web"}) == (
        ("az", "one", "--name", "web"),
        ("az", "two"),
    )


def test_a_step_that_has_nothing_to_do_gives_no_command() -> None:
    spec, vm = StepName.STOP.spec, a.vm_ref()
    assert len(commands_of(spec, Change(summary="deallocate the VM"), vm)) == 1
    for change in (Change(summary="", nothing_to_do=True), Change(summary="", skipped="why")):
        assert commands_of(spec, change, vm) == ()
    assert commands_of(spec, Change(summary=""), a.vm_ref(classic=True)) == ()


def test_a_vm_that_takes_the_other_way_gets_the_other_command() -> None:
    (words,) = commands_of(StepName.STOP.spec, Change(summary="", other_way=True), a.vm_ref())
    assert words[:3] == ("az", "vm", "stop")
