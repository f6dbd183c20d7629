"""What listeners work with, made once."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.slack.dialogs import OpenDialogs
from bot.slack.directory import Directory
from bot.slack.files import Files
from workers.domain.policy.model import Policy
from workers.domain.ports.audit.reader import AuditReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.evidence import MakesEvidence
from workers.domain.ports.groups import Groups
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Store
from workers.use_cases.asking.answer_all import AnswerAll
from workers.use_cases.asking.decide import Decide
from workers.use_cases.asking.pass_all import PassAll
from workers.use_cases.asking.pass_on import PassOn
from workers.use_cases.asking.take_back import TakeBack
from workers.use_cases.orders.access.answer import AnswerAccess
from workers.use_cases.orders.cap import AnswerCap
from workers.use_cases.orders.delegate import DelegateAnswers
from workers.use_cases.orders.expect import ExpectStarts
from workers.use_cases.orders.lockdown import LockDown
from workers.use_cases.orders.looking.look_up import LookUp
from workers.use_cases.orders.pause import PauseWrites
from workers.use_cases.orders.reading.overview import Overview
from workers.use_cases.orders.regret import Regret
from workers.use_cases.orders.restore import Restore
from workers.use_cases.orders.retry import Retry


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """The ports and use cases behind clicks, commands and dialogs.

    ``portal`` is the address of the cloud's portal.
    """

    store: Store
    inventory: Inventory
    directory: Directory
    groups: Groups
    clock: Clock
    decide: Decide
    take_back: TakeBack
    answer_all: AnswerAll
    lock_down: LockDown
    restore: Restore
    regret: Regret
    retry: Retry
    look_up: LookUp
    dialogs: OpenDialogs
    pausing: PauseWrites
    expecting: ExpectStarts
    delegating: DelegateAnswers
    access: AnswerAccess
    overview: Overview
    audit: AuditReader
    evidence: MakesEvidence
    files: Files
    pass_on: PassOn
    pass_all: PassAll
    cap: AnswerCap
    policy: Callable[[], Policy]
    portal: str
