"""The services of the bot over the ports in memory, for tests of its listeners."""

from dataclasses import replace
from typing import Any, cast

from bot.services import Services
from tests import acting
from tests.looking import look_up
from tests.rig import Rig
from workers.domain.ports.groups import NoGroups
from workers.runtime.cloud import Cloud
from workers.use_cases.asking.answer_all import AnswerAll
from workers.use_cases.asking.pass_all import PassAll
from workers.use_cases.asking.pass_on import PassOn
from workers.use_cases.orders.access.answer import AnswerAccess
from workers.use_cases.orders.access.ask import AskSecond
from workers.use_cases.orders.cap import AnswerCap
from workers.use_cases.orders.delegate import DelegateAnswers
from workers.use_cases.orders.expect import ExpectStarts
from workers.use_cases.orders.pause import PauseWrites
from workers.use_cases.orders.regret import Regret
from workers.use_cases.orders.restore import Restore


def services_of(rig: Rig, directory: object, **instead: Any) -> Services:
    """Everything that listeners are given.

    Args:
        rig: the ports.
        directory: who is who.
        instead: parts of a test's own.
    """
    pass_on = PassOn(
        store=rig.store, nudger=rig.nudger, clock=rig.clock, policy=lambda: rig.policy, groups=NoGroups()
    )
    second = AskSecond(store=rig.store, nudger=rig.nudger, clock=rig.clock, policy=lambda: rig.policy)
    usual = Services(
        store=rig.store,
        inventory=rig.inventory,
        directory=cast("Any", directory),
        groups=NoGroups(),
        clock=rig.clock,
        decide=rig.decide,
        answer_all=AnswerAll(decide=rig.decide, store=rig.store, nudger=rig.nudger, clock=rig.clock),
        take_back=acting.take_back(store=rig.store, nudger=rig.nudger, clock=rig.clock),
        lock_down=rig.lock_down,
        regret=Regret(store=rig.store, nudger=rig.nudger, clock=rig.clock),
        restore=Restore(store=rig.store, nudger=rig.nudger, clock=rig.clock, policy=lambda: rig.policy),
        retry=acting.retry(store=rig.store, nudger=rig.nudger, clock=rig.clock),
        look_up=look_up(rig),
        dialogs=cast("Any", None),
        pass_on=pass_on,
        pass_all=PassAll(pass_on=pass_on, store=rig.store, nudger=rig.nudger, clock=rig.clock),
        audit=cast("Any", None),
        evidence=cast("Any", None),
        files=cast("Any", None),
        overview=acting.overview(store=rig.store, inventory=rig.inventory),
        pausing=PauseWrites(store=rig.store, clock=rig.clock, second=second),
        expecting=ExpectStarts(
            store=rig.store, clock=rig.clock, policy=lambda: rig.policy, second=second, groups=NoGroups()
        ),
        delegating=DelegateAnswers(
            store=rig.store, clock=rig.clock, policy=lambda: rig.policy, second=second
        ),
        access=AnswerAccess(
            store=rig.store,
            nudger=rig.nudger,
            clock=rig.clock,
            policy=lambda: rig.policy,
            inventory=rig.inventory,
            groups=NoGroups(),
        ),
        cap=AnswerCap(store=rig.store, nudger=rig.nudger, clock=rig.clock),
        policy=lambda: rig.policy,
        portal=Cloud.PUBLIC.places.portal,
    )
    return replace(usual, **instead)
