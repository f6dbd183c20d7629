"""Who owns a VM: its tags first, then the policy's fallbacks in order, and never everything one person."""

import pytest

from tests import builders as a
from tests.unit.domain.policy.reading import ONCALL, loaded, only
from workers.domain.policy.insight import look_into
from workers.domain.policy.model import Policy
from workers.domain.policy.owners import EVERY_OTHER, owner_of, tried
from workers.domain.policy.reading.file import load_policy, policy_warnings
from workers.domain.starts.past.entries import Past
from workers.domain.starts.people import Owner
from workers.domain.starts.vm import KnownVm

SUBSCRIPTION = a.vm_ref().subscription_id
GROUP = a.vm_ref().resource_group
FALLBACKS = f"""owner:
  tags: [owner]
  fallbacks:
    - {{tags: {{team: web}}, ask: [S0WEBTEAM1, "#web-team"]}}
    - {{resource_group: {GROUP.upper()}, subscription: {SUBSCRIPTION}, ask: [Rita@contoso.com, U0RITA0001]}}
    - {{subscription: {SUBSCRIPTION}, ask: [sue@contoso.com]}}
"""


def policy(text: str = FALLBACKS) -> Policy:
    found = loaded(ONCALL + text)
    assert isinstance(found, Policy), found
    return found


def owner(tags: dict[str, str], *, known: bool = True, text: str = FALLBACKS, **vm: str) -> Owner:
    return owner_of(policy(text).owner, a.vm_ref(**vm), tags, tags_known=known)


class TestOrder:
    def test_who_the_tags_name_comes_before_every_fallback(self) -> None:
        found = owner({"owner": "alice@contoso.com", "team": "web"})
        assert (found.emails, found.source, found.by_policy) == (("alice@contoso.com",), "tag owner", "")

    def test_the_first_fallback_that_fits_counts(self) -> None:
        found = owner({"Team": "web"})
        assert (found.usergroups, found.channels) == (("S0WEBTEAM1",), ("#web-team",))
        assert (found.by_policy, found.source) == ("tag team=web", "policy, for tag team=web")

        found = owner({"team": "WEB"})
        assert (found.emails, found.slack_users) == (("rita@contoso.com",), ("U0RITA0001",))
        assert found.by_policy.startswith(f"resource group {GROUP.upper()} in subscription")

        found = owner({}, group="rg-other")
        assert found.emails == ("sue@contoso.com",)

    def test_where_nothing_fits_nobody_is_known_and_it_says_why(self) -> None:
        found = owner({}, subscription="22222222-2222-2222-2222-222222222222")
        assert not found.known
        assert found.source == "no tag owner"

    def test_as_long_as_tags_are_not_known_no_fallback_counts(self) -> None:
        """They may name somebody, who is asked as soon as they are read."""
        assert not owner({}, known=False).known

    def test_a_default_owns_the_rest_and_is_warned_of(self) -> None:
        text = "owner: {default: [U0BOSS0001]}\n"
        found = owner({"contact": "nobody in particular"}, text=text)
        assert (found.slack_users, found.by_policy) == (("U0BOSS0001",), EVERY_OTHER)
        assert found.unread == ("nobody in particular (tag contact)",)
        (said,) = policy_warnings(load_policy(ONCALL + text), ONCALL + text)
        assert (said.line, said.where) == (2, "owner.default")
        assert "asked about every VM that nobody else owns" in said.problem

    def test_the_order_is_explained_up_to_the_place_that_names_somebody(self) -> None:
        group = f"resource group {GROUP.upper()} in subscription {SUBSCRIPTION}"
        told = [f"{place.what}: {place.outcome}" for place in tried(policy().owner, a.vm_ref(), {})]
        assert told == [
            "tags owner: no tag owner",
            "fallback for tag team=web: does not fit",
            f"fallback for {group}: names rita@contoso.com, U0RITA0001",
        ]
        nobody = tried(policy("").owner, a.vm_ref(), {})
        assert [place.outcome for place in nobody[-2:]] == ["there is none", "is asked, and on-call"]


class TestFile:
    @pytest.mark.parametrize("ask", ["Bob", "bob@", "#Web", "SUPPORT", "@bob", "https://x.slack.com/C1"])
    def test_whom_nobody_can_ask_is_refused_with_what_to_write(self, ask: str) -> None:
        finding = only(ONCALL + f"owner: {{fallbacks: [{{resource_group: rg, ask: ['{ask}']}}]}}\n")
        assert "write an e-mail address, a member ID (U…), a user group (S…), or a channel" in finding.problem

    def test_a_fallback_for_everything_is_refused(self) -> None:
        finding = only(ONCALL + "owner: {fallbacks: [{ask: [U0BOSS0001]}]}\n")
        assert "write its ask as owner.default" in finding.problem

    def test_a_fallback_that_an_earlier_one_hides_is_warned_of(self) -> None:
        text = (
            ONCALL
            + FALLBACKS
            + f"    - {{resource_group: x, subscription: {SUBSCRIPTION}, ask: [U0LATE0001]}}\n"
        )
        (said,) = policy_warnings(load_policy(text), text)
        assert said.where == "owner.fallbacks[3]"
        assert "never fits: fallbacks[2] before it" in said.problem

    def test_channels_of_owners_are_among_those_that_the_bot_looks_for(self) -> None:
        assert "#web-team" in policy().channels


def test_who_sets_the_tag_that_a_fallback_reads_does_not_lose_the_former_owner() -> None:
    """Whoever may write tags could else choose who is asked."""
    before = KnownVm(ref=a.vm_ref(), tags={"env": "prod"}, tags_known=True, seen_at=a.NOW)
    machine = a.facts().machine
    assert machine is not None
    facts = a.facts(machine=machine.changed(tags={"team": "web", "env": "prod"}))

    found = look_into(policy(), a.start_event(), facts, past=Past(), line=before)

    assert found.owner_before is not None
    assert found.owner_before.emails == ("rita@contoso.com",)
    assert found.asked.emails == ("rita@contoso.com",)
    assert found.asked.usergroups == ("S0WEBTEAM1",)
    assert "owner-tag-changed" in [one.id for one in found.risk.signals]
