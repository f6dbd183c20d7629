"""Refusals on demand: which requests ARM says no to, and how.

They come where ARM's own come: after the token is known and before a provider sees the request. So their
sentences name the caller, the action and the scope of the request itself.
"""

import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.refusal_bodies import BODIES, Request
from deploy.sandbox.azure.ids import within
from deploy.sandbox.azure.model import Estate, Vm
from deploy.sandbox.world import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Refusal(BaseModel):
    """One refusal. The first that matches a request is answered.

    Attributes:
        code: of the error, such as ``RequestDisallowedByPolicy``; ``refusal_bodies`` lists those whose whole
            body is known. Any other word is taken with the ``status`` and ``message`` given here.
        method: HTTP method, or ``*``; ``WRITE`` stands for all but GET and HEAD.
        path: regular expression, searched in the path without regard to case.
        vm: name or id of a VM: its own requests, and those about its NICs, disks and backup.
        times: how many requests it applies to; ``None`` until it is removed.
        status: another status than the code usually has.
        message: another sentence.
        retry_after_s: sent as ``Retry-After``.
        about: what the sentence names, by the words of ``refusal_bodies``, such as ``policy``.
    """

    model_config = ConfigDict(extra="forbid")

    code: str
    method: str = "*"
    path: str = ""
    vm: str = ""
    times: int | None = Field(default=None, ge=1)
    status: int | None = Field(default=None, ge=400, le=599)
    message: str = ""
    retry_after_s: float | None = None
    about: dict[str, str] = {}


class Refusals:
    """The refusals in force."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._planned: list[Refusal] = []

    @property
    def planned(self) -> list[Refusal]:
        return list(self._planned)

    def put(self, *refusals: Refusal) -> None:
        """Replace all refusals by these.

        Raises:
            ValueError: a code whose body is not known, without a status and a message.
        """
        for refusal in refusals:
            if refusal.code not in BODIES and not (refusal.status and refusal.message):
                raise ValueError(
                    f"{refusal.code} needs a status and a message; known are {', '.join(sorted(BODIES))}"
                )
        self._planned = list(refusals)

    def check(self, method: str, path: str, caller: Principal) -> None:
        """Raise the refusal of this request, if there is one, counted down."""
        for refusal in self._planned:
            if not self._matches(refusal, method, path):
                continue
            if refusal.times is not None:
                refusal.times -= 1
                if refusal.times == 0:
                    self._planned.remove(refusal)
            raise _error(refusal, Request(method=method, path=path, caller=caller))

    def _matches(self, refusal: Refusal, method: str, path: str) -> bool:
        wanted = refusal.method.upper()
        fits = method not in ("GET", "HEAD") if wanted == "WRITE" else wanted in ("*", method)
        if not fits or not re.search(refusal.path, path, re.IGNORECASE):
            return False
        return not refusal.vm or self._about_vm(refusal.vm, path)

    def _about_vm(self, name: str, path: str) -> bool:
        for vm in self._estate.vms():
            if name.lower() in (vm.name.lower(), vm.id.lower()):
                return _touches(vm, path)
        return False


def _touches(vm: Vm, path: str) -> bool:
    """Whether a path is about a machine, or about what only this machine has."""
    backup = f";{vm.group};{vm.name}/".lower()
    parts = [vm.id, *vm.nic_ids(), *vm.disk_ids()]
    return any(within(path, part) for part in parts) or backup in f"{path}/".lower()


def _error(refusal: Refusal, request: Request) -> ArmError:
    make: Callable[[Request, Mapping[str, str]], ArmError] | None = BODIES.get(refusal.code)
    more: Mapping[str, Any] = {}
    if make is None:
        status, message, headers = refusal.status or 400, refusal.message, {}
    else:
        made = make(request, refusal.about)
        status, more, headers = refusal.status or made.status, made.more, made.headers
        message = refusal.message or made.message
    if refusal.retry_after_s is not None:
        headers = {**headers, "Retry-After": f"{refusal.retry_after_s:g}"}
    return ArmError(status, refusal.code, message, headers=headers, more=more)
