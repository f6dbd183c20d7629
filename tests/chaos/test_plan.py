"""What a round draws: the same for the same seed, and every trouble sooner or later."""

from deploy.sandbox.servicebus.faults import TROUBLES, BusFaults
from tests.chaos.plan import plan_round
from tests.chaos.troubles import HELD_BACK

SEED = 3
ROUNDS = range(400)


def test_the_same_seed_and_number_give_the_same_plan() -> None:
    assert [plan_round(SEED, number) for number in range(20)] == [
        plan_round(SEED, number) for number in range(20)
    ]
    assert plan_round(SEED, 1) != plan_round(SEED + 1, 1)


def test_every_trouble_of_the_bus_is_drawn_unless_it_is_held_back() -> None:
    drawn = {trouble.kind for number in ROUNDS for trouble in plan_round(SEED, number).troubles}
    assert {f"bus {name}" for name in TROUBLES if name not in HELD_BACK} == {
        kind for kind in drawn if kind.startswith("bus ")
    }
    assert set(TROUBLES) >= HELD_BACK


def test_the_bus_takes_every_trouble_that_is_drawn() -> None:
    for number in ROUNDS:
        for trouble in plan_round(SEED, number).troubles:
            if trouble.where == "bus":
                assert BusFaults.model_validate(trouble.body) != BusFaults()
