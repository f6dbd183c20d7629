"""What a round draws: the same for the same seed, and every trouble sooner or later."""

from deploy.sandbox.azure.failures import Failure
from deploy.sandbox.azure.front.refusal_bodies import BODIES
from deploy.sandbox.azure.front.refusals import Refusal as AzureRefusal
from deploy.sandbox.servicebus.faults import TROUBLES, BusFaults
from deploy.sandbox.slack.api.refusals import Refusal as SlackRefusal
from tests.chaos.plan import plan_round
from tests.chaos.troubles import Trouble

SEED = 3


def test_the_same_seed_and_number_give_the_same_plan() -> None:
    assert [plan_round(SEED, number) for number in range(20)] == [
        plan_round(SEED, number) for number in range(20)
    ]
    assert plan_round(SEED, 1) != plan_round(SEED + 1, 1)


def drawn(where: str) -> list[Trouble]:
    troubles = [trouble for number in range(600) for trouble in plan_round(SEED, number).troubles]
    return [trouble for trouble in troubles if trouble.where == where]


def test_every_trouble_of_the_bus_is_drawn_and_the_bus_takes_it() -> None:
    assert {trouble.kind for trouble in drawn("bus")} == {f"bus {name}" for name in TROUBLES}
    assert all(BusFaults.model_validate(trouble.body) != BusFaults() for trouble in drawn("bus"))


def test_azures_operations_end_in_every_way_that_is_no_success() -> None:
    ends = {Failure.model_validate(trouble.body).ends for trouble in drawn("failures")}
    assert ends == {"Failed", "Canceled", "Cancelled", "TimedOut", "never"}


def test_azure_and_slack_refuse_in_words_that_are_theirs() -> None:
    assert {AzureRefusal.model_validate(trouble.body).code for trouble in drawn("refusals")} <= set(BODIES)
    refused = [SlackRefusal.model_validate(trouble.body) for trouble in drawn("refused")]
    assert any(one.person for one in refused)
    assert any(one.channel for one in refused)


def test_redis_fails_over_in_both_ways_tokens_are_rotated_and_azure_takes_no_token_for_a_while() -> None:
    plans = [plan_round(SEED, number) for number in range(100)]
    assert {plan.failover.crash for plan in plans if plan.failover is not None} == {True, False}
    assert any(plan.rotation for plan in plans)
    assert any(trouble.body["status"] == 401 for trouble in drawn("azure") if "status" in trouble.body)
