"""What looks at Azure and changes nothing, over a test's ports."""

from tests.conftest import Rig
from workers.use_cases.orders.answer_lookup import AnswerLookup
from workers.use_cases.orders.foresee import Foresee
from workers.use_cases.orders.look_up import LookUp


def look_up(rig: Rig) -> LookUp:
    return LookUp(store=rig.store, nudger=rig.nudger, clock=rig.clock)


def answer_lookup(rig: Rig) -> AnswerLookup:
    runners = list(rig.runners.values())
    foresee = Foresee(facts=rig.facts, assess=rig.assess, runners=runners, clock=rig.clock)
    return AnswerLookup(store=rig.store, nudger=rig.nudger, foresee=foresee, clock=rig.clock)
