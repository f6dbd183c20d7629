"""On-call is told once of a policy file that is refused, and once when it is good again."""

from tests import builders as a
from workers.domain.policy.notice import PolicyNotice


def refusing(notice: PolicyNotice, process: str, digest: str) -> PolicyNotice | None:
    return notice.refusing(process, digest, f"{digest} is wrong", in_force="old", at=a.NOW)


def accepting(notice: PolicyNotice, process: str) -> PolicyNotice | None:
    return notice.accepting(process, in_force="new", at=a.NOW)


def test_each_bad_file_is_told_once_whoever_else_refuses_it() -> None:
    first = refusing(PolicyNotice(), "workers", "bad")
    assert first is not None
    assert (first.number, first.problem, first.in_force) == (1, "bad is wrong", "old")
    assert refusing(first, "workers", "bad") is None, "another of the workers"

    second = refusing(first, "bot", "bad")
    assert second is not None
    assert (second.number, second.refused) == (1, {"workers": "bad", "bot": "bad"})

    other = refusing(second, "workers", "worse")
    assert other is not None
    assert (other.number, other.problem) == (2, "worse is wrong")
    assert other.card_id != second.card_id


def test_it_is_good_again_once_no_process_refuses_a_file() -> None:
    assert accepting(PolicyNotice(), "bot") is None
    both = PolicyNotice(number=1, problem="wrong", refused={"workers": "bad", "bot": "bad"})

    one = accepting(both, "bot")
    assert one is not None
    assert (one.number, one.problem) == (1, "wrong")
    assert accepting(one, "bot") is None

    none = accepting(one, "workers")
    assert none is not None
    assert (none.number, none.problem, none.in_force, none.refused) == (2, "", "new", {})
