"""Who counts as one of our people, by what Slack says of them."""

from typing import Any

import pytest

from bot.slack.installation import Installed
from bot.slack.membership import OF_THEM, TO_THEM, Standing, standing
from workers.domain.policy.people import Guests, PeoplePolicy

ALONE = Installed("T0OURS", "", "B1", "U1")
IN_ORGANIZATION = Installed("T0OURS", "E0OURS", "B1", "U1")
NOBODY_ELSE = PeoplePolicy()
PARTNERS = PeoplePolicy(workspaces=("T0PARTNER1",))


def person(team: str = "T0OURS", organization: str = "", **flags: bool) -> dict[str, Any]:
    enterprise = {"enterprise_user": {"enterprise_id": organization, "teams": [team]}} if organization else {}
    return {"id": "U1", "team_id": team, "is_stranger": False, **enterprise, **flags}


@pytest.mark.parametrize(
    ("who", "stands"),
    [
        (person(), Standing.MEMBER),
        (person("T0PARTNER1"), Standing.OUTSIDE),
        (person("T0PARTNER1", is_stranger=True), Standing.OUTSIDE),
        (person("T0PARTNER1", "E0PARTNER1"), Standing.OUTSIDE),
        (person(""), Standing.OUTSIDE),
        (person(is_restricted=True), Standing.GUEST),
        (person(is_restricted=True, is_ultra_restricted=True), Standing.GUEST),
        (person(deleted=True), Standing.LEFT),
        (person(is_bot=True), Standing.BOT),
        ({}, Standing.UNKNOWN),
    ],
)
def test_only_members_of_our_own_workspace_count(who: dict[str, Any], stands: Standing) -> None:
    assert standing(who, ALONE, NOBODY_ELSE) is stands
    assert (stands in TO_THEM) == (stands in OF_THEM) == (stands is not Standing.MEMBER)


def test_our_organization_is_ours_and_another_is_not() -> None:
    sister = person("T0SISTER", "E0OURS")
    assert standing(sister, IN_ORGANIZATION, NOBODY_ELSE, team="E0OURS") is Standing.MEMBER
    assert standing(sister, ALONE, NOBODY_ELSE) is Standing.OUTSIDE
    assert standing(person("T0X", "E0PARTNER1"), IN_ORGANIZATION, NOBODY_ELSE) is Standing.OUTSIDE


def test_nobody_counts_where_slack_names_no_workspace_of_ours() -> None:
    assert standing(person(""), Installed("", "", "B1", "U1"), NOBODY_ELSE) is Standing.OUTSIDE


@pytest.mark.parametrize("team", ["T0PARTNER1", "E0PARTNER1"])
def test_a_click_from_another_team_is_not_ours_whatever_slack_says_of_its_person(team: str) -> None:
    assert standing(person(), ALONE, NOBODY_ELSE, team=team) is Standing.OUTSIDE
    assert standing(person(), ALONE, NOBODY_ELSE, team="T0OURS") is Standing.MEMBER


def test_the_policy_can_let_in_another_workspace_but_neither_its_guests_nor_its_email_addresses() -> None:
    connected = standing(person("T0PARTNER1"), ALONE, PARTNERS, team="T0PARTNER1")
    assert connected is Standing.CONNECTED
    assert (connected.email_counts, connected.may_be_on_call) == (False, True)
    assert standing(person("T0PARTNER1", is_restricted=True), ALONE, PARTNERS) is Standing.OUTSIDE
    assert standing(person("T0PARTNER1"), ALONE, PARTNERS, team="T0OTHER1") is Standing.OUTSIDE
    assert standing(person("T0OTHER1"), ALONE, PARTNERS) is Standing.OUTSIDE


def test_the_policy_can_let_guests_own_vms_but_not_be_on_call() -> None:
    guest = standing(person(is_restricted=True), ALONE, PeoplePolicy(guests=Guests.OWNERS))
    assert guest is Standing.GUEST_OWNER
    assert (guest.email_counts, guest.may_be_on_call) == (True, False)
