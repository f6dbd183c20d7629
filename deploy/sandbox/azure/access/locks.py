"""Management locks: the resource ``Microsoft.Authorization/locks``, and what a lock forbids.

Resource Manager itself looks at locks, before a provider sees the request. A ReadOnly lock forbids every PUT,
PATCH, POST and DELETE at its scope and below it, CanNotDelete only DELETE; a POST counts as a change even if
it only reads, such as one that lists keys. Locks themselves can always be written: otherwise none could be
taken off again.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
and https://github.com/Azure/azure-sdk-for-java/issues/2560
"""

import re

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import Answer, Call, Route, listing
from deploy.sandbox.azure.ids import name_of, within
from deploy.sandbox.azure.model import LOCK, Estate, Resource

_PROVIDER = "/providers/Microsoft.Authorization/locks"
LEVELS = ("ReadOnly", "CanNotDelete")
_READS = ("GET", "HEAD", "OPTIONS")
_NAME = re.compile(r"[^<>%&:\\?/\x00-\x1f]{1,260}")
"""Source: https://learn.microsoft.com/rest/api/resources/management-locks/create-or-update-by-scope"""
_LONGEST_NOTES = 512


class Locks:
    """Locks at any scope; each holds for everything below its scope."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        one = f"{{scope}}{_PROVIDER}/{{name}}"
        return [
            Route("GET", one, self.get),
            Route("PUT", one, self.put),
            Route("DELETE", one, self.delete),
            Route("GET", f"{{scope}}{_PROVIDER}", self.list_at),
        ]

    def on(self, resource_id: str) -> list[Resource]:
        """The locks that hold for a resource: its own and those of what it lies in."""
        return [lock for lock in self._estate.of(LOCK) if within(resource_id, _scope_of(lock))]

    def check(self, method: str, path: str) -> None:
        """Raise 409 ``ScopeLocked`` if a lock forbids this request."""
        if method in _READS or f"{_PROVIDER}/".lower() in f"{path}/".lower():
            return
        if method == "DELETE":
            self.check_delete(path.rstrip("/"))
        else:
            self.check_write(path.rstrip("/"))

    def check_write(self, resource_id: str, _operation: str = "") -> None:
        """Raise 409 ``ScopeLocked`` if a ReadOnly lock holds for the resource.

        For what is written beside the resource that was asked for: of that, ``check`` takes care. Azure's
        sentence does not name the operation.
        """
        self._check(resource_id, "write", ("ReadOnly",))

    def check_delete(self, resource_id: str) -> None:
        """Raise 409 ``ScopeLocked`` if any lock holds for the resource."""
        self._check(resource_id, "delete", LEVELS)

    def _check(self, resource_id: str, operation: str, levels: tuple[str, ...]) -> None:
        """The sentence is Azure's, as public reports quote it: https://github.com/Azure/azure-cli/issues/2688."""
        held = [lock for lock in self.on(resource_id) if lock.properties["level"] in levels]
        if held:
            scopes = ", ".join(dict.fromkeys(_scope_of(lock) for lock in held))
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{resource_id}' cannot perform {operation} operation because following scope(s) "
                f"are locked: '{scopes}'. Please remove the lock and try again.",
            )

    def get(self, call: Call) -> Answer:
        lock = self._estate.find(call.resource_id)
        if lock is None:
            raise ArmError(404, "LockNotFound", f"The lock '{name_of(call.path)}' could not be found.")
        return Answer(body=lock.as_json())

    def put(self, call: Call) -> Answer:
        self._check_scope(call.scope)
        given = (call.body or {}).get("properties", {})
        if given.get("level") not in LEVELS:
            raise ArmError(400, "InvalidLockLevel", f"The lock level must be one of {', '.join(LEVELS)}.")
        if not _NAME.fullmatch(name_of(call.resource_id)):
            raise ArmError(400, "InvalidLockName", "The lock name has characters that are not allowed.")
        if len(given.get("notes") or "") > _LONGEST_NOTES:
            raise ArmError(400, "InvalidLockNotes", f"Notes have at most {_LONGEST_NOTES} characters.")
        new = self._estate.find(call.resource_id) is None
        lock = Resource(id=call.resource_id, kind=LOCK, properties=dict(given))
        self._estate.add(lock)
        return Answer(status=201 if new else 200, body=lock.as_json())

    def delete(self, call: Call) -> Answer:
        known = self._estate.find(call.resource_id) is not None
        self._estate.remove(call.resource_id)
        return Answer(status=200 if known else 204)

    def list_at(self, call: Call) -> Answer:
        """Locks at, above and below the scope; with ``atScope()`` none below it.

        Source: https://learn.microsoft.com/powershell/module/az.resources/get-azresourcelock (``-AtScope``)
        """
        self._check_scope(call.scope)
        only = call.query.get("$filter", "").replace(" ", "").lower() == "atscope()"
        below = [] if only else list(self._estate.of(LOCK, call.scope))
        above = [lock for lock in self.on(call.scope) if lock not in below]
        return listing(call, [lock.as_json() for lock in above + below])

    def _check_scope(self, scope: str) -> None:
        if "/providers/" in scope.lower():
            self._estate.get(scope)


def _scope_of(lock: Resource) -> str:
    return lock.id[: lock.id.lower().rindex("/providers/")]
