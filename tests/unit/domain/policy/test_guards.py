"""The guarded set: which VMs are never contained, how the policy names them, and what is only a doubt."""

import pytest

from tests import builders as a
from workers.domain.errors import Finding, InvalidPolicy
from workers.domain.policy.guards import Guards, Judgement, VmInput, why_never
from workers.domain.policy.model import Policy
from workers.domain.policy.reading.file import load_policy
from workers.domain.starts.facts import MachineFacts

ONCALL = "oncall: {usergroup: S0ONCALL1}\n"
BY_TAG = ONCALL + 'never:\n  - {name: domain controllers, when: \'vm.tags["role"] == "dc"\'}\n'


def findings(text: str) -> list[Finding]:
    with pytest.raises(InvalidPolicy) as caught:
        load_policy(text)
    return caught.value.findings


def judged(policy: Policy, tags: dict[str, str] | None = None, *, known: bool = True) -> Judgement:
    facts = a.facts(machine=MachineFacts(tags=tags or {})) if known else None
    return Guards(policy.never).judge(VmInput(a.vm_ref(), facts, a.owner() if known else None))


class TestJudging:
    def test_the_first_guard_that_holds_is_named(self) -> None:
        text = BY_TAG + "  - {name: the web group, when: vm.resource_group == 'rg-web'}\n"
        assert judged(load_policy(text), {"role": "dc"}).guard == "domain controllers"
        assert judged(load_policy(text), {"role": "web"}).guard == "the web group"

    def test_a_tag_that_the_vm_does_not_have_guards_nothing(self) -> None:
        assert judged(load_policy(BY_TAG), {"env": "prod"}) == Judgement()

    def test_what_azure_alone_knows_is_a_doubt_until_it_was_read(self) -> None:
        found = judged(load_policy(BY_TAG), known=False)
        assert found.guard == ""
        assert "'domain controllers'" in found.doubt

    def test_a_fact_that_only_looks_like_one_it_reads_is_no_doubt(self) -> None:
        policy = load_policy(ONCALL + "never: vm.tags['size'] == 'dc'\n")
        assert judged(policy, {"env": "prod"}) == Judgement(), "the VM's own size is not known"

    def test_a_guard_that_holds_goes_before_the_doubt_about_another(self) -> None:
        text = BY_TAG + "  - {name: the web group, when: vm.resource_group == 'rg-web'}\n"
        assert judged(load_policy(text), known=False) == Judgement(guard="the web group")

    def test_without_guards_nothing_is_guarded(self) -> None:
        assert judged(load_policy(ONCALL), known=False) == Judgement()

    def test_one_condition_alone_is_a_guard_without_a_name_of_its_own(self) -> None:
        policy = load_policy(ONCALL + "never: vm.name.startsWith('vm-web')\n")
        assert judged(policy).guard == "guarded VMs"

    def test_the_reason_names_the_guard_and_what_helps(self) -> None:
        said = why_never("dc-01", "domain controllers")
        assert "never contains dc-01" in said
        assert "domain controllers" in said
        assert "take it out of `never` in the policy" in said


class TestFindings:
    @pytest.mark.parametrize(
        "variable", ["caller.email == 'x'", "event.phase == 'started'", "now > event.at"]
    )
    def test_a_guard_is_about_a_vm_and_reads_nothing_of_a_start(self, variable: str) -> None:
        found = findings(ONCALL + f'never: "vm.classic || {variable}"\n')
        assert found[0].where == "never"
        assert "says something of a start, not of a VM" in found[0].problem
        assert found[0].remedy == "Use vm, owner or facts here."
        assert found[0].line == 2

    def test_a_wrong_condition_is_told_with_its_place(self) -> None:
        (found,) = findings(ONCALL + "never:\n  - {name: dc, when: vm.nam == 'dc-01'}\n")
        assert (found.line, found.column, found.where) == (3, 22, "never[0].when")
        assert (found.problem, found.remedy) == ("vm has no nam", "Did you mean name?")

    def test_two_guards_of_one_name_are_told(self) -> None:
        (found,) = findings(ONCALL + "never: [{name: a, when: true}, {name: a, when: false}]\n")
        assert found.where == "never[1].name"
        assert "an earlier guard is called 'a'" in found.problem

    @pytest.mark.parametrize("value", ["7", "{a: b}", "[text]", "[{name: a}]", "[{when: true}]"])
    def test_what_is_no_guard_is_an_error(self, value: str) -> None:
        assert findings(ONCALL + f"never: {value}\n")
