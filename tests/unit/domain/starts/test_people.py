"""Who owns a VM, by its tags."""

import pytest

from tests import builders as a
from workers.domain.starts.people import owner_from_tags
from workers.domain.starts.vm import tag

NAMES = ("owner", "Owner", "contact")


def owner(tags: dict[str, str], *, known: bool = True) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    found = owner_from_tags(tags, NAMES, tags_known=known)
    return found.emails, found.slack_users, found.source


class TestTags:
    def test_the_first_tag_of_the_policy_wins_and_spelling_is_kept(self) -> None:
        assert tag({"CONTACT": "c", "OWNER": " o "}, NAMES) == ("OWNER", "o")

    def test_a_blank_tag_is_passed_over(self) -> None:
        assert tag({"owner": "  ", "contact": "c"}, NAMES) == ("contact", "c")

    def test_no_tag_gives_nothing(self) -> None:
        assert tag({"env": "prod"}, NAMES) is None


class TestOwners:
    def test_an_address_is_kept_in_lower_case(self) -> None:
        assert owner({"Owner": "Alice@Contoso.com"}) == (("alice@contoso.com",), (), "tag Owner")

    def test_a_slack_id_names_a_person_too(self) -> None:
        assert owner({"owner": "U0ALICE01"}) == ((), ("U0ALICE01",), "tag owner")

    @pytest.mark.parametrize("separator", [",", ";", " , ", ";,"])
    def test_several_are_taken_in_their_order(self, separator: str) -> None:
        emails, users, _ = owner({"owner": f"b@x.org{separator}U0ALICE01{separator}a@x.org"})
        assert emails == ("b@x.org", "a@x.org")
        assert users == ("U0ALICE01",)

    def test_a_long_list_is_cut_after_five(self) -> None:
        emails, _, _ = owner({"owner": ",".join(f"p{n}@x.org" for n in range(40))})
        assert emails == tuple(f"p{n}@x.org" for n in range(5))

    @pytest.mark.parametrize(
        "value",
        ["the web team", "<!channel>", "<@U0ALICE01>", "a@b<c", "@", "a b@c", "u0alice01", "x" * 500 + "@y"],
    )
    def test_other_text_names_nobody_and_the_source_says_so(self, value: str) -> None:
        emails, users, source = owner({"owner": value})
        assert (emails, users) == ((), ())
        assert source == "tag owner holds neither an e-mail address nor a Slack user id"

    def test_no_tag_is_said_with_the_names_looked_for(self) -> None:
        assert owner({}) == ((), (), "no tag owner or Owner or contact")

    def test_unread_tags_are_not_taken_for_missing_ones(self) -> None:
        found = owner_from_tags({"owner": "alice@contoso.com"}, NAMES, tags_known=False)
        assert not found.known
        assert found.source == "the VM's tags could not be read"


class TestActors:
    def test_the_label_has_name_and_id(self) -> None:
        assert a.actor().label == "Alice Example (U0ALICE01)"
        assert a.actor(name="").label == "alice@contoso.com (U0ALICE01)"
        assert a.actor(name="", email="").label == "unknown (U0ALICE01)"
