"""Who owns a VM, by its tags."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders as a
from workers.domain.starts.owners.owner_tags import owner_from_tags
from workers.domain.starts.people import Owner

NAMES = ("owner", "Owner", "contact")


def owner(tags: dict[str, str], *, known: bool = True) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    found = owner_from_tags(tags, NAMES, tags_known=known)
    return found.emails, found.slack_users, found.source


class TestTags:
    def test_a_tags_name_is_found_in_any_case_and_its_spelling_is_kept(self) -> None:
        assert owner({"CONTACT": "c@x.org", "OWNER": " o@x.org "}) == (("o@x.org",), (), "tag OWNER")

    def test_a_blank_tag_is_passed_over(self) -> None:
        assert owner({"owner": "  ", "contact": "c@x.org"}) == (("c@x.org",), (), "tag contact")

    def test_other_tags_name_nobody(self) -> None:
        assert owner({"env": "prod@x.org"}) == ((), (), "no tag owner or Owner or contact")


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

    def test_all_of_a_long_list_are_owners(self) -> None:
        emails, _, _ = owner({"owner": ",".join(f"p{n}@x.org" for n in range(40))})
        assert emails == tuple(f"p{n}@x.org" for n in range(40))

    @pytest.mark.parametrize(
        ("value", "emails"),
        [
            ("Alice Example <alice@x.org>", ["alice@x.org"]),
            ('"Doe, Jane" <jane@x.org>; "Bob; the other" <bob@x.org>', ["jane@x.org", "bob@x.org"]),
            ("Jane Doe <jane@x.org> Bob <bob@x.org>", ["jane@x.org", "bob@x.org"]),
            ("<alice@x.org>", ["alice@x.org"]),
            ("mailto:alice@x.org", ["alice@x.org"]),
            ("MAILTO:Alice@x.org?subject=VM", ["alice@x.org"]),
            ("Alice <mailto:alice@x.org>", ["alice@x.org"]),
            ('["alice@x.org", "bob@x.org"]', ["alice@x.org", "bob@x.org"]),
            ('[ "Alice <alice@x.org>, bob@x.org" ]', ["alice@x.org", "bob@x.org"]),
            ('"alice@x.org"', ["alice@x.org"]),
            ("'alice@x.org', 'bob@x.org'", ["alice@x.org", "bob@x.org"]),
            ("\u201calice@x.org\u201d", ["alice@x.org"]),
            ("alice@x.org bob@x.org", ["alice@x.org", "bob@x.org"]),
            ("alice@x.org | bob@x.org", ["alice@x.org", "bob@x.org"]),
            ("alice@x.org\nbob@x.org", ["alice@x.org", "bob@x.org"]),
            ("Alice Example (alice@x.org)", ["alice@x.org"]),
            ("o'brien@x.org", ["o'brien@x.org"]),
            ("alice@x.org, Alice@X.org", ["alice@x.org"]),
        ],
    )
    def test_people_write_addresses_in_many_ways(self, value: str, emails: list[str]) -> None:
        assert owner({"owner": value}) == (tuple(emails), (), "tag owner")

    def test_a_list_may_hold_slack_ids_too(self) -> None:
        assert owner({"owner": '["U0ALICE01", "bob@x.org"]'}) == (("bob@x.org",), ("U0ALICE01",), "tag owner")

    @pytest.mark.parametrize(
        "value",
        [
            "the web team", "<!channel>", "<@U0ALICE01>", "a@b<c", "@", "u0alice01", "x" * 500 + "@y",
            "[1, null, {}]", '["', "<>", "[[[[", "mailto:", '"', "team:web@night",
        ],
    )  # fmt: skip
    def test_other_text_names_nobody_and_the_source_says_so(self, value: str) -> None:
        emails, users, source = owner({"owner": value})
        assert (emails, users) == ((), ())
        assert source == "tag owner holds neither an e-mail address nor a Slack user id"

    @pytest.mark.parametrize(
        ("value", "unread"),
        [
            ("alice@x.org, the web team", ("the web team (tag owner)",)),
            ("the web team; night shift", ("the web team (tag owner)", "night shift (tag owner)")),
            ("ask bob@x.org", ("ask (tag owner)",)),
            ("Alice Example <alice@x.org>", ()),
            ('["the web team", 7]', ("the web team (tag owner)", "7 (tag owner)")),
            ("x" * 300, ("x" * 100 + " (tag owner)",)),
            ("<!channel>", ("<!channel> (tag owner)",)),
        ],
    )
    def test_what_names_nobody_is_kept_to_be_shown(self, value: str, unread: tuple[str, ...]) -> None:
        assert owner_from_tags({"owner": value}, NAMES, tags_known=True).unread == unread

    def test_a_tag_that_names_nobody_hides_no_other_that_does(self) -> None:
        tags = {"Owner": "the web team", "contact": "bob@x.org"}
        found = owner_from_tags(tags, NAMES, tags_known=True)
        assert (found.emails, found.source) == (("bob@x.org",), "tag contact")
        assert found.unread == ("the web team (tag Owner)",)

    def test_the_first_tag_that_names_somebody_is_the_one(self) -> None:
        tags = {"owner": "alice@x.org", "contact": "bob@x.org"}
        assert owner(tags) == (("alice@x.org",), (), "tag owner")

    @settings(max_examples=200, deadline=None)
    @given(st.text(alphabet=" ab@.,;|<>[]()\"'\n:UW09", max_size=60) | st.text(max_size=60))
    def test_any_text_is_read_and_names_only_what_stands_in_it(self, value: str) -> None:
        found = owner_from_tags({"owner": value}, NAMES, tags_known=True)
        assert all(email in value.lower() for email in found.emails)
        assert all(user in value for user in found.slack_users)
        assert found.model_dump_json()

    def test_no_tag_is_said_with_the_names_looked_for(self) -> None:
        assert owner({}) == ((), (), "no tag owner or Owner or contact")

    def test_unread_tags_are_not_taken_for_missing_ones(self) -> None:
        found = owner_from_tags({"owner": "alice@contoso.com"}, NAMES, tags_known=False)
        assert not found.known
        assert found.source == "the VM's tags could not be read"


class TestParts:
    MANY = Owner(emails=tuple(f"p{n}@x.org" for n in range(7)), slack_users=("U0ALICE01", "U0BOBBY01"))

    @pytest.mark.parametrize("size", [1, 2, 5, 7, 8, 20])
    def test_each_owner_is_in_one_part(self, size: int) -> None:
        parts = list(self.MANY.in_parts(size))
        assert tuple(email for part in parts for email in part.emails) == self.MANY.emails
        assert tuple(user for part in parts for user in part.slack_users) == self.MANY.slack_users
        assert all(0 < len(part.emails) + len(part.slack_users) <= size for part in parts)

    def test_nobody_is_one_part(self) -> None:
        nobody = Owner(source="no tag owner")
        assert list(nobody.in_parts(5)) == [nobody]


class TestActors:
    def test_the_label_has_name_and_id(self) -> None:
        assert a.actor().label == "Alice Example (U0ALICE01)"
        assert a.actor(name="").label == "alice@contoso.com (U0ALICE01)"
        assert a.actor(name="", email="").label == "unknown (U0ALICE01)"


class TestGroups:
    """User groups and channels own VMs, too."""

    def test_a_tag_names_groups_and_channels(self) -> None:
        found = owner_from_tags({"owner": "S0WEBTEAM1; #web-team C0WEBTEAM1"}, NAMES, tags_known=True)
        assert (found.usergroups, found.channels) == (("S0WEBTEAM1",), ("#web-team", "C0WEBTEAM1"))
        assert found.known
        assert found.unread == ()

    @pytest.mark.parametrize("word", ["SUPPORTTEAM", "CONTRACTORS", "#", "#Web", "S1"])
    def test_a_word_in_capitals_is_no_id(self, word: str) -> None:
        found = owner_from_tags({"owner": word}, NAMES, tags_known=True)
        assert not found.known
        assert found.unread == (f"{word} (tag owner)",)

    def test_who_is_in_a_group_owns_what_it_owns(self) -> None:
        team = Owner(usergroups=("S0WEBTEAM1",), channels=("C0WEBTEAM1",))
        assert not a.actor().owns(team)
        for group in team.groups:
            assert a.actor(groups=(group,)).owns(team)
            assert not a.actor(groups=(group,), barred="a guest").owns(team)
            assert not a.actor(groups=(group,), email="").owns(a.owner())
