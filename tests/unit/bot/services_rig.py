"""The services of the bot over the ports in memory, for tests of its listeners."""

from dataclasses import replace
from typing import Any, cast

from bot.services import Services
from tests.conftest import Rig
from tests.looking import look_up
from workers.runtime.cloud import Cloud
from workers.use_cases.asking.answer_all import AnswerAll
from workers.use_cases.asking.pass_all import PassAll
from workers.use_cases.asking.pass_on import PassOn
from workers.use_cases.asking.take_back import TakeBack
from workers.use_cases.orders.cap import AnswerCap
from workers.use_cases.orders.delegate import DelegateAnswers
from workers.use_cases.orders.expect import ExpectStarts
from workers.use_cases.orders.pause import PauseWrites
from workers.use_cases.orders.reading.overview import Overview
from workers.use_cases.orders.regret import Regret
from workers.use_cases.orders.restore import Restore
from workers.use_cases.orders.retry import Retry


def services_of(rig: Rig, directory: object, **instead: Any) -> Services:
    """Everything that listeners are given.

    Args:
        rig: the ports.
        directory: who is who.
        instead: parts of a test's own.
    """
    pass_on = PassOn(store=rig.store, nudger=rig.nudger, clock=rig.clock, policy=lambda: rig.policy)
    usual = Services(
        store=rig.store,
        inventory=rig.inventory,
        directory=cast("Any", directory),
        clock=rig.clock,
        decide=rig.decide,
        answer_all=AnswerAll(decide=rig.decide, store=rig.store, nudger=rig.nudger, clock=rig.clock),
        take_back=TakeBack(store=rig.store, nudger=rig.nudger, clock=rig.clock),
        lock_down=rig.lock_down,
        regret=Regret(store=rig.store, nudger=rig.nudger, clock=rig.clock),
        restore=Restore(store=rig.store, nudger=rig.nudger, clock=rig.clock, policy=lambda: rig.policy),
        retry=Retry(store=rig.store, nudger=rig.nudger, clock=rig.clock),
        look_up=look_up(rig),
        dialogs=cast("Any", None),
        pass_on=pass_on,
        pass_all=PassAll(pass_on=pass_on, store=rig.store, nudger=rig.nudger, clock=rig.clock),
        audit=cast("Any", None),
        files=cast("Any", None),
        overview=Overview(store=rig.store, inventory=rig.inventory),
        pausing=PauseWrites(store=rig.store, clock=rig.clock),
        expecting=ExpectStarts(store=rig.store, clock=rig.clock, policy=lambda: rig.policy),
        delegating=DelegateAnswers(store=rig.store, clock=rig.clock, policy=lambda: rig.policy),
        cap=AnswerCap(store=rig.store, nudger=rig.nudger, clock=rig.clock),
        policy=lambda: rig.policy,
        portal=Cloud.PUBLIC.places.portal,
    )
    return replace(usual, **instead)
