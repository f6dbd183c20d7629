"""Whom the policy sees in an account of Entra ID: an owner, on call, somebody barred, or a stranger."""

import pytest

from tests import builders as a
from workers.domain.asking.decisions import Answer, may_answer, may_lock_down, may_restore
from workers.domain.containment.ending.two_persons import RestoreRequest, not_the_second
from workers.domain.policy.model import Policy
from workers.domain.policy.people import EntraPerson, OncallPolicy, PeoplePolicy
from workers.domain.policy.signed_in import SignedIn, actor_of
from workers.domain.starts.people import Actor, Owner

OID, GROUP = "a0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000009"
ALICE = SignedIn(OID, "alice@contoso.com", "Alice Example")


def policy(*oncall: str, **people: EntraPerson) -> Policy:
    return a.policy(
        oncall=OncallPolicy(usergroup=a.ONCALL_GROUP, entra=oncall),
        people=PeoplePolicy(entra={OID: people["one"]} if people else {}),
    )


def test_the_owner_s_tag_names_the_account() -> None:
    actor = actor_of(ALICE, policy())
    assert actor.owns(a.owner())
    assert may_answer(Answer.REJECT, actor, a.owner()).allowed
    assert not actor.on_call


def test_the_policy_says_which_address_or_slack_user_an_account_is() -> None:
    other = ALICE._replace(upn="adm-alice@contoso.com")
    assert not actor_of(other, policy()).owns(a.owner())
    assert actor_of(other, policy(one=EntraPerson(email="Alice@Contoso.com"))).owns(a.owner())
    by_slack = Owner(slack_users=(a.ALICE,), source="tag owner")
    assert actor_of(other, policy(one=EntraPerson(slack=a.ALICE))).owns(by_slack)


@pytest.mark.parametrize("named", [OID, OID.upper(), GROUP])
def test_on_call_is_an_account_or_a_group_that_the_policy_names(named: str) -> None:
    actor = actor_of(ALICE._replace(groups=frozenset({GROUP})), policy(named))
    assert may_lock_down(actor).allowed
    assert may_restore(actor).allowed


@pytest.mark.parametrize(
    ("who", "oncall", "said"),
    [
        (ALICE, (), "it has no oncall.entra"),
        (ALICE, (GROUP,), f"neither your account ({OID}) nor a group"),
        (ALICE._replace(groups_left_out=True), (GROUP,), "Name your account in the policy's oncall.entra"),
    ],
)
def test_whoever_is_not_named_is_not_on_call_and_told_what_helps(
    who: SignedIn, oncall: tuple[str, ...], said: str
) -> None:
    permission = may_lock_down(actor_of(who, policy(*oncall)))
    assert not permission.allowed
    assert said in permission.reason


@pytest.mark.parametrize("kind", ["guest", "application"])
def test_guests_and_applications_may_nothing_even_where_they_are_named(kind: str) -> None:
    actor = actor_of(ALICE._replace(**{kind: True}), policy(OID))
    assert actor.barred
    assert not may_answer(Answer.REJECT, actor, a.owner()).allowed
    assert not may_lock_down(actor).allowed


@pytest.mark.parametrize(
    "caller", [{"email": "ALICE@contoso.com"}, {"email": "x@y.z", "object_id": OID.upper()}]
)
def test_whoever_started_it_at_high_risk_cannot_confirm_it_at_the_command_line_either(
    caller: dict[str, str],
) -> None:
    actor = actor_of(ALICE, policy(OID))
    started = a.caller(**caller)
    refused = may_answer(Answer.CONFIRM, actor, a.owner(), started, risky=[started])
    assert not refused.allowed
    assert may_answer(Answer.REJECT, actor, a.owner(), started, risky=[started]).allowed


class TestTwoPersons:
    IN_SLACK = Actor(slack_user=a.ALICE, name="Alice", email="alice.example@contoso.com", on_call=True)

    def test_one_of_slack_and_one_of_entra_are_two_only_where_the_policy_says_who_is_who(self) -> None:
        unknown = actor_of(ALICE, policy(OID))
        assert "nobody can tell" in not_the_second(self.IN_SLACK, unknown)
        assert "nobody can tell" in not_the_second(unknown, self.IN_SLACK)
        somebody_else = actor_of(ALICE, policy(OID, one=EntraPerson(slack=a.OLGA)))
        assert not_the_second(self.IN_SLACK, somebody_else) == ""
        herself = actor_of(ALICE, policy(OID, one=EntraPerson(slack=a.ALICE)))
        assert "yourself" in not_the_second(self.IN_SLACK, herself)

    def test_two_accounts_are_two_persons_and_one_is_one(self) -> None:
        first = actor_of(ALICE, policy(OID))
        second = actor_of(SignedIn(GROUP, "olga@contoso.com"), policy(OID, GROUP))
        assert not_the_second(first, second) == ""
        assert "yourself" in not_the_second(
            first, actor_of(ALICE._replace(upn="new@contoso.com"), policy(OID))
        )

    def test_the_worker_sees_it_the_same_way(self) -> None:
        request = RestoreRequest(by=self.IN_SLACK, at=a.NOW, expires_at=a.NOW)
        assert not request.by.is_surely_another(actor_of(ALICE, policy(OID)))


def test_the_audit_names_the_account_and_not_what_it_calls_itself() -> None:
    actor = actor_of(ALICE._replace(name="Olga Oncall"), policy(OID, one=EntraPerson(slack=a.ALICE)))
    assert actor.label == f"alice@contoso.com (entra:{OID}, {a.ALICE})"
    assert actor_of(ALICE, policy()).label == f"alice@contoso.com (entra:{OID})"
