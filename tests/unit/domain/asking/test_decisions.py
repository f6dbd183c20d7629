"""Who may confirm, reject and lock down."""

from typing import Any

import pytest

from tests import builders as a
from workers.domain.asking.decisions import Answer, may_answer, may_lock_down, may_restore
from workers.domain.policy.people import UpTo
from workers.domain.starts.people import Actor
from workers.domain.starts.risk import Level

OWNER = a.owner()
OWNER_BY_ID = a.owner(emails=(), slack_users=("U0BOB0001",), source="tag contact")
CALLER = a.caller(email="carol@contoso.com")

ALICE = a.actor()
BOB = a.actor(slack_user="U0BOB0001", name="Bob", email="bob@contoso.com")
CAROL = a.actor(slack_user="U0CAROL01", name="Carol", email="Carol@Contoso.com")
MALLORY = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@evil.example")
NAMELESS = a.actor(slack_user="U0NOBODY1", name="", email="")


def may(answer: Answer, actor: Actor, *, owner: Any = OWNER, caller: Any = CALLER) -> bool:
    return may_answer(answer, actor, owner, caller).allowed


class TestOwners:
    @pytest.mark.parametrize("answer", Answer)
    def test_the_owner_by_address_may_confirm_and_reject(self, answer: Answer) -> None:
        assert may(answer, ALICE)

    @pytest.mark.parametrize("answer", Answer)
    def test_addresses_are_compared_without_regard_to_case(self, answer: Answer) -> None:
        assert may(answer, a.actor(email="ALICE@Contoso.COM"))

    @pytest.mark.parametrize("answer", Answer)
    def test_the_owner_by_slack_id_may_whatever_their_address(self, answer: Answer) -> None:
        assert may(answer, BOB, owner=OWNER_BY_ID)
        assert may(answer, BOB.changed(email=""), owner=OWNER_BY_ID)

    @pytest.mark.parametrize("answer", Answer)
    def test_a_slack_id_is_compared_as_it_is(self, answer: Answer) -> None:
        assert not may(answer, BOB.changed(slack_user="u0bob0001"), owner=OWNER_BY_ID)

    def test_the_reason_names_where_the_right_comes_from(self) -> None:
        assert may_answer(Answer.CONFIRM, ALICE, OWNER, CALLER).reason == "owner by tag owner"


class TestOnCall:
    @pytest.mark.parametrize("answer", Answer)
    def test_on_call_may_confirm_and_reject(self, answer: Answer) -> None:
        assert may(answer, a.oncall())

    @pytest.mark.parametrize("answer", Answer)
    def test_on_call_may_where_no_owner_is_known(self, answer: Answer) -> None:
        assert may(answer, a.oncall(), owner=a.owner(emails=(), source="no tag owner"))

    def test_doubt_about_who_is_on_call_refuses_and_says_so(self) -> None:
        doubtful = a.oncall(on_call=False, doubt="Slack did not say who is on call.")
        for permission in (
            may_answer(Answer.REJECT, doubtful, OWNER, CALLER),
            may_answer(Answer.CONFIRM, doubtful, OWNER, CALLER),
            may_lock_down(doubtful),
        ):
            assert not permission.allowed
            assert permission.reason.endswith("Slack did not say who is on call.")


class TestTheCaller:
    def test_whoever_started_it_may_reject(self) -> None:
        assert may(Answer.REJECT, CAROL)

    def test_whoever_started_it_may_not_confirm_their_own_start(self) -> None:
        assert not may(Answer.CONFIRM, CAROL)

    def test_a_caller_without_an_address_is_nobody_without_an_address(self) -> None:
        assert not may(Answer.REJECT, NAMELESS, caller=a.caller(email=""))
        assert not may(Answer.CONFIRM, NAMELESS, caller=a.caller(email=""))


class TestStrangers:
    @pytest.mark.parametrize("answer", Answer)
    def test_a_stranger_may_nothing(self, answer: Answer) -> None:
        assert not may(answer, MALLORY)
        assert not may_lock_down(MALLORY).allowed

    @pytest.mark.parametrize("answer", Answer)
    def test_no_address_is_no_owner_of_a_vm_without_owner(self, answer: Answer) -> None:
        unknown = a.owner(emails=(), slack_users=(), source="no tag owner")
        assert not may(answer, NAMELESS, owner=unknown)
        assert not may(answer, NAMELESS, owner=a.owner(emails=("",)))

    @pytest.mark.parametrize("answer", Answer)
    def test_a_name_gives_no_right(self, answer: Answer) -> None:
        assert not may(answer, MALLORY.changed(name="alice@contoso.com"))

    def test_a_refusal_says_who_may(self) -> None:
        known = may_answer(Answer.CONFIRM, MALLORY, OWNER, CALLER)
        assert known.reason == "Only the VM's owner or on-call can confirm this start."
        unknown = may_answer(Answer.REJECT, MALLORY, a.owner(emails=()), CALLER)
        assert unknown.reason == "Only on-call (no owner is known) can reject this start."


class TestLockdowns:
    def test_on_call_alone_may_lock_down(self) -> None:
        assert may_lock_down(a.oncall()).allowed
        assert not may_lock_down(ALICE).allowed
        assert not may_lock_down(CAROL).allowed
        assert may_lock_down(ALICE).reason == "Only on-call can lock down a VM."


class TestBarred:
    """Somebody who doesn't count may do nothing, whatever else is known of them."""

    BARRED = a.oncall(email="alice@contoso.com", barred="You're a guest.")

    @pytest.mark.parametrize("answer", Answer)
    def test_they_may_not_answer_and_are_told_why(self, answer: Answer) -> None:
        by_id = a.owner(slack_users=(self.BARRED.slack_user,))
        for owner, caller in ((OWNER, CALLER), (by_id, CALLER), (OWNER, a.caller(email="alice@contoso.com"))):
            permission = may_answer(answer, self.BARRED, owner, caller)
            assert permission == (False, "You're a guest.")

    def test_they_may_order_nothing(self) -> None:
        for permission in (may_lock_down(self.BARRED), may_restore(self.BARRED)):
            assert permission == (False, "You're a guest.")


class TestOwnStarts:
    OWN = a.caller(email="alice@contoso.com")

    def may(self, answer: Answer, actor: Actor, **known: Any) -> bool:
        return may_answer(answer, actor, OWNER, self.OWN, **known).allowed

    def test_who_started_the_vm_may_confirm_it_as_its_owner(self) -> None:
        assert self.may(Answer.CONFIRM, ALICE)

    @pytest.mark.parametrize(
        "actor", [ALICE, ALICE.changed(on_call=True), ALICE.changed(email="Alice@CONTOSO.com")]
    )
    def test_but_not_at_high_risk_whoever_they_are(self, actor: Actor) -> None:
        refused = may_answer(Answer.CONFIRM, actor, OWNER, self.OWN, risky=(self.OWN,))
        assert not refused.allowed
        assert "at high risk, so somebody else has to confirm it" in refused.reason
        assert self.may(Answer.REJECT, actor, risky=(self.OWN,))

    def test_nor_as_one_of_several_who_started_it(self) -> None:
        assert not may_answer(Answer.CONFIRM, ALICE, OWNER, CALLER, self.OWN, risky=(self.OWN,)).allowed
        assert may_answer(Answer.CONFIRM, ALICE, OWNER, CALLER, self.OWN, risky=(CALLER,)).allowed, (
            "not theirs"
        )

    def test_at_high_risk_another_owner_and_on_call_may_confirm(self) -> None:
        both = a.owner(emails=("alice@contoso.com", "bob@contoso.com"))
        assert may_answer(Answer.CONFIRM, BOB, both, self.OWN, risky=(self.OWN,)).allowed
        assert self.may(Answer.CONFIRM, a.oncall(), risky=(self.OWN,))

    def test_who_may_be_the_caller_counts_as_the_caller_at_high_risk(self) -> None:
        hidden = a.oncall(email="")
        refused = may_answer(Answer.CONFIRM, hidden, OWNER, self.OWN, risky=(self.OWN,))
        assert "Slack shows no e-mail address for you" in refused.reason
        robot = a.caller(email="")
        assert may_answer(Answer.CONFIRM, hidden, OWNER, robot, risky=(robot,)).allowed, "no person did it"
        assert may_answer(Answer.CONFIRM, hidden, OWNER, self.OWN).allowed

    def test_who_became_the_owner_by_a_changed_tag_can_not_confirm_what_they_started(self) -> None:
        before = a.owner(emails=("bob@contoso.com",))
        both = a.owner(emails=("bob@contoso.com", "alice@contoso.com"))
        refused = may_answer(Answer.CONFIRM, ALICE, both, self.OWN, owner_before=before)
        assert "names you only since it was changed" in refused.reason
        assert may_answer(Answer.REJECT, ALICE, both, self.OWN, owner_before=before).allowed
        oncall = ALICE.changed(on_call=True)
        assert not may_answer(Answer.CONFIRM, oncall, both, self.OWN, owner_before=before).allowed
        assert may_answer(Answer.CONFIRM, oncall, both, self.OWN, owner_before=before, oncall=True).allowed
        for somebody in (BOB, a.oncall()):
            assert may_answer(Answer.CONFIRM, somebody, both, self.OWN, owner_before=before).allowed
        assert may_answer(Answer.CONFIRM, ALICE, both, CALLER, owner_before=before).allowed, "not their start"

    def test_nor_where_nobody_owned_it_before(self) -> None:
        assert not self.may(Answer.CONFIRM, ALICE, owner_before=a.owner(emails=()))

    def test_on_call_can_not_confirm_their_own_start_of_a_vm_that_they_do_not_own(self) -> None:
        oncall = ALICE.changed(on_call=True)
        for owner in (a.owner(emails=("bob@contoso.com",)), a.owner(emails=())):
            refused = may_answer(Answer.CONFIRM, oncall, owner, self.OWN)
            assert refused == (
                False,
                "Your account started this VM, which you don't own, so somebody else has to confirm it.",
            )
            assert may_answer(Answer.CONFIRM, oncall, owner, CALLER).allowed, "not their start"
            assert may_answer(Answer.REJECT, oncall, owner, self.OWN).allowed
            assert may_answer(Answer.CONFIRM, oncall, owner, self.OWN, oncall=True).allowed, "the policy may"
            assert not may_answer(
                Answer.CONFIRM, oncall, owner, self.OWN, risky=(self.OWN,), oncall=True
            ).allowed, "but never at high risk"

    @pytest.mark.parametrize(
        ("up_to", "levels"),
        [(UpTo.NEVER, ""), (UpTo.LOW, "low"), (UpTo.MEDIUM, "low medium")],
    )
    def test_the_policy_says_up_to_which_risk_they_may(self, up_to: UpTo, levels: str) -> None:
        """S7: the caller of a start is nobody who may confirm it beyond that, whoever they are."""
        terms = a.approval().terms.changed(self_confirm=up_to)
        event = a.start_event(caller=self.OWN)
        for level in Level:
            question = a.approval(event=event, terms=terms, level=level)
            for actor in (ALICE, ALICE.changed(on_call=True)):
                permission = question.permits(Answer.CONFIRM, actor)
                assert permission.allowed is (level.value in levels.split()), (level, permission)
                assert question.permits(Answer.REJECT, actor).allowed
            assert question.permits(Answer.CONFIRM, a.oncall()).allowed

    def test_whoever_may_not_is_told_what_the_policy_says(self) -> None:
        never = may_answer(Answer.CONFIRM, ALICE, OWNER, self.OWN, risky=(self.OWN,), up_to=UpTo.NEVER)
        assert "the policy lets nobody confirm their own start, so somebody else has to" in never.reason
        low = may_answer(Answer.CONFIRM, ALICE, OWNER, self.OWN, risky=(self.OWN,), up_to=UpTo.LOW)
        assert "at low risk only, so somebody else has to" in low.reason
