"""Tags before a start: what an owner tag was, however it was changed."""

from datetime import timedelta

from tests import builders as a
from workers.domain.starts.owners.tags_before import OwnerChange, owner_change, tags_before, with_former
from workers.domain.starts.people import Owner
from workers.domain.starts.vm import KnownVm

NAMES = ("owner", "contact")
ALICE, MALLORY = {"owner": "alice@contoso.com"}, {"Owner": "mallory@contoso.com"}
HOUR = timedelta(hours=1)


def line(tags: dict[str, str], hours_ago: float) -> KnownVm:
    return a.known_vm(tags=tags, seen_at=a.NOW - hours_ago * HOUR)


def seen(*lines: KnownVm) -> KnownVm:
    """The line that these leave, one after the other."""
    known, *rest = lines
    for one in rest:
        known = one.after(known)
    return known


def change(known: KnownVm | None, now: dict[str, str], owner: Owner | None = None) -> OwnerChange | None:
    by = owner or a.owner(emails=tuple(value for name, value in now.items() if name.lower() == "owner"))
    return owner_change(tags_before(known, now, a.NOW), by, NAMES)


def test_a_tag_that_was_changed_since_the_inventory_saw_it_is_told_with_what_it_was() -> None:
    found = change(line(ALICE, 0.1), MALLORY)
    assert found is not None
    assert (found.former.emails, found.at) == (("alice@contoso.com",), a.NOW)


def test_a_change_that_the_inventory_saw_counts_for_a_day() -> None:
    fresh = seen(line(ALICE, 30), line(MALLORY, 23.9))
    stale = seen(line(ALICE, 30), line(MALLORY, 24.1))
    assert change(fresh, MALLORY) == OwnerChange(
        a.owner(emails=("alice@contoso.com",)), a.NOW - timedelta(hours=23.9)
    )
    assert change(stale, MALLORY) is None


def test_a_change_is_not_hidden_behind_another_one() -> None:
    bob = {"owner": "bob@contoso.com"}
    known = seen(line(ALICE, 30), line(bob, 20), line({}, 10), line(MALLORY, 1))
    found = change(known, MALLORY)
    assert found is not None
    assert found.former.emails == ("alice@contoso.com",)


def test_who_gets_the_tag_back_has_never_lost_it() -> None:
    known = seen(line(ALICE, 30), line(MALLORY, 2), line(ALICE, 1))
    assert change(known, ALICE) is None
    assert known.changed_tags == {}


def test_other_tags_and_other_spellings_are_no_change_of_owner() -> None:
    known = seen(line({**ALICE, "env": "dev"}, 2), line({"OWNER": "alice@contoso.com", "env": "prod"}, 1))
    assert set(known.changed_tags) == {"env"}
    assert change(known, ALICE | {"env": "prod"}) is None
    assert change(line({"owner": "Alice <alice@contoso.com>"}, 1), ALICE) is None


def test_another_owner_tag_of_the_policy_counts_too() -> None:
    found = change(line({"contact": "alice@contoso.com"}, 1), MALLORY | {"contact": "alice@contoso.com"})
    assert found is not None
    assert found.former.emails == ("alice@contoso.com",)


def test_a_vm_that_the_inventory_did_not_know_has_no_tags_before() -> None:
    assert tags_before(None, ALICE, a.NOW) is None
    assert change(None, MALLORY) is None


def test_tags_that_nobody_read_are_no_tags_that_were_not_there() -> None:
    unread = a.known_vm(tags={}, tags_known=False, seen_at=a.NOW - HOUR)
    assert tags_before(unread, ALICE, a.NOW) is None
    assert seen(unread, line(ALICE, 0)).changed_tags == {}
    known = seen(line(ALICE, 2), unread)
    assert (known.tags, known.tags_known) == (ALICE, True)
    assert change(known, MALLORY) is not None


def test_a_listing_that_comes_late_takes_nothing_back() -> None:
    known = seen(line(ALICE, 30), line(MALLORY, 1), line(ALICE, 2))
    assert (known.tags, known.seen_at) == (MALLORY, a.NOW - HOUR)
    assert change(known, MALLORY) is not None


def test_the_tags_before_are_whole() -> None:
    known = seen(
        line({**ALICE, "env": "prod", "gone": "x"}, 3), line({**MALLORY, "env": "prod", "new": "y"}, 1)
    )
    before = tags_before(known, {**MALLORY, "env": "dev", "new": "y"}, a.NOW)
    assert before is not None
    assert before.tags == {"owner": "alice@contoso.com", "env": "prod", "gone": "x"}
    assert set(before.changed_at) == {"owner", "env", "gone", "new"}


def test_the_former_owner_is_asked_first_and_so_before_any_limit() -> None:
    crowd = a.owner(emails=tuple(f"m{n}@contoso.com" for n in range(9)))
    both = with_former(crowd, OwnerChange(a.owner(slack_users=("U0ALICE01",)), a.NOW))
    assert both.emails[:2] == ("alice@contoso.com", "m0@contoso.com")
    assert both.slack_users == ("U0ALICE01",)
    assert both.until_changed == ("alice@contoso.com", "U0ALICE01")


def test_a_tag_that_was_taken_away_leaves_its_former_owner() -> None:
    found = change(line(ALICE, 1), {}, Owner(source="no tag owner"))
    both = with_former(Owner(source="no tag owner"), found)
    assert (both.emails, both.source) == (("alice@contoso.com",), "tag owner")
    assert both.known


def test_where_nobody_was_named_before_the_owner_of_now_is_asked() -> None:
    found = change(line({}, 1), MALLORY)
    assert found is not None
    assert not found.former.known
    assert with_former(a.owner(), found) == a.owner()
