"""Token buckets: the numbers in the rate-limit headers, and refusals when they are switched on."""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.sandbox.azure.errors import ArmError


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket: how many calls it holds, and how many come back a second."""

    name: str
    capacity: int
    refill_per_s: float


_ARM = {
    "GET": Limit("subscription-reads", 250, 25),
    "DELETE": Limit("subscription-deletes", 200, 10),
}
_ARM_WRITES = Limit("subscription-writes", 200, 10)
_UPDATE = Limit("Microsoft.Compute/UpdateVMResource", 12, 4 / 60)
_VM_LIMITS = {
    "start": _UPDATE,
    "poweroff": _UPDATE,
    "restart": _UPDATE,
    "patch": _UPDATE,
    "deallocate": Limit("Microsoft.Compute/DeleteVMResource", 12, 4 / 60),
    "delete": Limit("Microsoft.Compute/DeleteVMResource", 12, 4 / 60),
    "get": Limit("Microsoft.Compute/LowCostGetResource", 36, 12 / 60),
    "instanceview": Limit("Microsoft.Compute/LowCostGetResource", 36, 12 / 60),
}
_POLL = Limit("Microsoft.Compute/GetOperationResource", 45, 15 / 60)
_POLL_PATH = re.compile(r".*/providers/microsoft\.compute/locations/[^/]+/operations/[^/]+", re.IGNORECASE)
_VM_PATH = re.compile(r"(.*/providers/microsoft\.compute/virtualmachines/[^/]+)(?:/(\w+))?", re.IGNORECASE)


class Throttle:
    """The buckets of every caller and machine.

    Attributes:
        enforced: refuse with 429 when a bucket is empty; otherwise the headers only count down to 0.
    """

    def __init__(self) -> None:
        self.enforced = False
        self._levels: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, method: str, path: str, *, caller: str, subscription: str) -> Mapping[str, str]:
        """Count a call; returns the headers of its answer.

        Raises:
            ArmError: 429 with ``Retry-After`` in seconds, if limits are enforced and this one is reached.
        """
        arm = _ARM.get(method, _ARM_WRITES)
        headers = {f"x-ms-ratelimit-remaining-{arm.name}": self._draw(arm, f"{caller}/{subscription}")}
        limit, owner = _resource_limit(method, path)
        if limit is not None:
            headers["x-ms-ratelimit-remaining-resource"] = f"{limit.name};{self._draw(limit, owner)}"
        return headers

    def clear(self) -> None:
        """Fill every bucket."""
        self._levels.clear()

    def _draw(self, limit: Limit, owner: str) -> str:
        now = time.monotonic()
        level, at = self._levels.get((limit.name, owner), (float(limit.capacity), now))
        level = min(limit.capacity, level + (now - at) * limit.refill_per_s)
        if level < 1 and self.enforced:
            wait = math.ceil((1 - level) / limit.refill_per_s)
            raise ArmError(
                429,
                "TooManyRequests",
                "The request is being throttled as the limit has been reached for operation type - "
                f"'{limit.name}'. For more information, see - https://aka.ms/msdn-throttling",
                headers={"Retry-After": str(wait)},
            )
        level = max(0.0, level - 1)
        self._levels[limit.name, owner] = (level, now)
        return str(int(level))


def _resource_limit(method: str, path: str) -> tuple[Limit | None, str]:
    """The limit of a call on a machine or on an operation, and whose bucket it is."""
    if match := _VM_PATH.fullmatch(path):
        return _VM_LIMITS.get((match[2] or method).lower()), match[1].lower()
    if _POLL_PATH.fullmatch(path):
        return _POLL, path.lower()
    return None, ""
