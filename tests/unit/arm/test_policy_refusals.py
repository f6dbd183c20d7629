"""What somebody who governs a subscription forbids: Azure's sentence, by which policy, and what may help."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.arm.test_errors import refused
from workers.arm.session.policy_refusals import explained
from workers.domain.errors import StepFailed

BY_POLICY = "RequestDisallowedByPolicy"
_IDS = "/providers/Microsoft.Authorization"
_IDENTIFIERS = [
    {
        "policyAssignment": {"name": "Baseline", "id": f"{_IDS}/policyAssignments/b1"},
        "policyDefinition": {"name": "Require a tag", "id": f"{_IDS}/policyDefinitions/d1"},
    }
]
IDENTIFIED = (
    f"Resource 'lockdown' was disallowed by policy. Policy identifiers: '{json.dumps(_IDENTIFIERS)}'."
)


def by_policy(message: str, *info: object) -> StepFailed:
    """The shape: https://learn.microsoft.com/azure/governance/policy/troubleshoot/general."""
    more = [{"type": "PolicyViolation", "info": one} for one in info]
    error = refused(
        403,
        body={"error": {"code": BY_POLICY, "message": message, "target": "lockdown", "additionalInfo": more}},
    )
    assert isinstance(error, StepFailed)
    assert error.final
    assert error.code == BY_POLICY
    assert "we lack the right" not in str(error)
    return error


def test_a_policy_is_named_as_people_know_it_with_azures_sentence_and_what_may_help() -> None:
    said = str(
        by_policy(
            "Resource 'lockdown' was disallowed by policy.",
            {
                "policyDefinitionName": "1e30110a",
                "policyDefinitionDisplayName": "Require a cost centre tag",
                "policyAssignmentName": "9f2c",
                "policyAssignmentDisplayName": "Governance baseline",
            },
        )
    )

    assert 'Azure Policy forbids it: "Require a cost centre tag" (assigned as "Governance baseline")' in said
    assert "Resource 'lockdown' was disallowed by policy." in said
    assert all(option in said for option in ("tags", "resource_group", "isolate.nsg", "exemption"))


def test_without_additional_information_the_names_come_from_the_sentence() -> None:
    said = str(by_policy(IDENTIFIED))

    assert '"Require a tag" (assigned as "Baseline")' in said
    assert "policyAssignments/b1" not in said, "the identifiers are said as names"


def test_all_that_forbid_it_are_named_and_not_more_than_can_be_read() -> None:
    said = str(by_policy("No.", *({"policyDefinitionDisplayName": f"P{number}"} for number in range(9))))

    assert '"P0", "P1", "P2" and 6 more' in said
    assert len(said) <= 500


@pytest.mark.parametrize("info", ["text", None, [], {"policyDefinitionDisplayName": ["x"]}, 7])
def test_what_nobody_expected_in_the_answer_is_still_a_refusal(info: object) -> None:
    assert "Azure Policy forbids it" in str(by_policy("Resource 'x' was disallowed by policy.", info))


def test_a_deny_assignment_is_no_missing_role() -> None:
    error = refused(
        403,
        "DenyAssignmentAuthorizationFailed",
        "The client 'c' with object id 'o' has permission to perform action "
        "'Microsoft.Network/networkInterfaces/write' on scope '/nic'; however, the access is denied because "
        "of the deny assignment with name 'System deny assignment of aks' and Id 'd1' at scope '/rg'.",
    )

    assert isinstance(error, StepFailed)
    assert error.final
    assert "we lack the right" not in str(error)
    assert "deny assignment with name 'System deny assignment of aks'" in str(error)
    assert "No role helps" in str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "details", "additionalInfo", "type", "info"]), inner, max_size=3
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["error", "details", "additionalInfo"]), json_values), st.text())
def test_any_body_and_any_sentence_is_explained(body: dict[str, object], message: str) -> None:
    assert explained("write it", BY_POLICY, f"{message}Policy identifiers: '[{message}]'.", body)
