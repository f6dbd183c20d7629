"""The table of steps: whole, without circles, and the only list of them."""

import importlib
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.docs.states import states_page
from tests import builders as a
from workers.arm import steps as arm_steps
from workers.arm.session.clients import Azure
from workers.domain.asking.approvals import steps_on_silence
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.policy.model import OnSilence

EACH = pytest.mark.parametrize("step", list(StepName))


@EACH
def test_a_step_waits_only_for_steps_that_stand_before_it(step: StepName) -> None:
    """So no two steps wait for each other."""
    order = list(StepName)
    assert all(order.index(need) < order.index(step) for need in step.needs)


def test_no_two_undos_wait_for_each_other() -> None:
    """Undos may wait for steps that stand behind them: taking back needs another order than doing."""
    left = {step: set(step.undo_needs) for step in StepName}
    while ready := [step for step, needs in left.items() if not needs & left.keys()]:
        for step in ready:
            del left[step]
    assert not left


@EACH
def test_every_undo_waits_for_what_blocks_it(step: StepName) -> None:
    blocking = {one for one in StepName if one.spec.blocks}
    assert step in blocking or blocking <= step.undo_needs
    assert step not in blocking or not step.undo_needs


@EACH
def test_a_step_that_blocks_others_comes_last_and_waits_for_all_of_them(step: StepName) -> None:
    others = {one for one in StepName if not one.spec.blocks}
    assert not step.spec.blocks or step.needs == others
    assert not step.spec.blocks or step is list(StepName)[-1]


@EACH
def test_a_step_that_needs_another_to_end_well_waits_for_it(step: StepName) -> None:
    assert step.needs_well <= step.needs
    assert step.undo_needs_well <= step.undo_needs


@EACH
def test_a_step_has_all_the_words_that_people_read(step: StepName) -> None:
    spec = step.spec
    texts = {spec.title, spec.done, spec.does, spec.undo, spec.by_hand, spec.undo_by_hand}
    assert all(text.strip() == text != "" and not text.endswith(".") for text in texts)
    assert spec.title[0].isupper()


@EACH
def test_a_command_names_nothing_but_the_vm(step: StepName) -> None:
    vm = {"subscription": "sub", "resource_group": "group", "name": "web", "id": "the-id", "location": "here"}
    for template in (step.spec.command, step.spec.other_command):
        command = template.format_map(vm)
        assert not command or "web" in command or "the-id" in command


@EACH
def test_silence_uses_a_step_only_by_a_word_that_the_policy_knows(step: StepName) -> None:
    assert set(step.spec.on_silence) <= {OnSilence.ISOLATE.value, OnSilence.CONTAIN.value}


@pytest.mark.parametrize(
    ("on_silence", "steps"),
    [
        (OnSilence.LEAVE, ()),
        (OnSilence.ESCALATE, ()),
        (OnSilence.ISOLATE, (StepName.ISOLATE,)),
        (OnSilence.CONTAIN, (StepName.STOP, StepName.BACKUP)),
    ],
)
def test_silence_does_what_the_policy_says_and_no_step_more(
    on_silence: OnSilence, steps: tuple[StepName, ...]
) -> None:
    lockdown = LockdownProfile(steps=(StepName.STOP, StepName.BACKUP))
    assert steps_on_silence(a.terms(on_silence=on_silence, lockdown=lockdown)) == steps


async def test_every_step_has_its_own_runner() -> None:
    async with Azure("http://127.0.0.1:9", None, SecretStr("never sent")) as azure:
        assert [runner.name for runner in arm_steps.step_runners(azure)] == list(StepName)


def test_no_module_holds_a_runner_for_a_step_that_is_not_in_the_table() -> None:
    files = {path.stem for folder in arm_steps.__path__ for path in Path(folder).glob("*.py")}
    modules = [importlib.import_module(f"{arm_steps.__name__}.{name}") for name in files - {"__init__"}]
    with_runner = {module.__name__.rpartition(".")[2] for module in modules if hasattr(module, "runner")}
    assert with_runner == {step.value for step in StepName}


@EACH
def test_the_documentation_shows_each_step_with_its_texts(step: StepName) -> None:
    (row,) = (line for line in states_page().splitlines() if line.startswith(f"| `{step}` |"))
    assert step.spec.does in row
    assert step.spec.undo in row
