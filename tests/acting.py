"""Use cases that must be told whether the policy only observes, and whom Slack knows: here it enforces."""

from typing import Any

from workers.domain.ports.groups import NoGroups
from workers.use_cases.asking.decide import Decide
from workers.use_cases.asking.expire import LookAtApproval
from workers.use_cases.asking.take_back import TakeBack
from workers.use_cases.containment.brakes import Brakes
from workers.use_cases.orders.lockdown import LockDown
from workers.use_cases.orders.reading.overview import Overview
from workers.use_cases.orders.retry import Retry


def enforces() -> bool:
    """In the place of a policy that says whether it only observes."""
    return False


def decide(**given: Any) -> Decide:
    """Takes ``store``, ``nudger``, ``clock``, and what is to be otherwise; so do all of these."""
    usual: dict[str, Any] = {"groups": NoGroups(), "observes": enforces, "person": None}
    return Decide(**(usual | given))


def look_at_approval(**given: Any) -> LookAtApproval:
    return LookAtApproval(**({"observes": enforces} | given))


def lock_down(**given: Any) -> LockDown:
    return LockDown(**({"observes": enforces} | given))


def take_back(**given: Any) -> TakeBack:
    return TakeBack(**({"observes": enforces} | given))


def retry(**given: Any) -> Retry:
    return Retry(**({"observes": enforces} | given))


def brakes(**given: Any) -> Brakes:
    return Brakes(**({"observes": enforces} | given))


def overview(**given: Any) -> Overview:
    return Overview(**({"observes": enforces} | given))
