"""Management locks: the resource ``Microsoft.Authorization/locks``, and what a lock forbids."""

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import Answer, Call, Route, listing
from deploy.sandbox.azure.ids import name_of, within
from deploy.sandbox.azure.model import LOCK, Estate, Resource

_PROVIDER = "/providers/Microsoft.Authorization/locks"
LEVELS = ("ReadOnly", "CanNotDelete")


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

    def check_write(self, resource_id: str, operation: str) -> None:
        """Raise 409 ``ScopeLocked`` if a ReadOnly lock holds for the resource."""
        self._check(resource_id, f"perform write operation '{operation}'", ("ReadOnly",))

    def check_delete(self, resource_id: str) -> None:
        """Raise 409 ``ScopeLocked`` if any lock holds for the resource."""
        self._check(resource_id, "perform delete operation", LEVELS)

    def _check(self, resource_id: str, verb: str, levels: tuple[str, ...]) -> None:
        scopes = [_scope_of(lock) for lock in self.on(resource_id) if lock.properties["level"] in levels]
        if scopes:
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{resource_id}' cannot {verb} because following scope(s) are locked: "
                f"'{', '.join(scopes)}'. Please remove the lock and try again.",
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
        new = self._estate.find(call.resource_id) is None
        lock = Resource(id=call.resource_id, kind=LOCK, properties=dict(given))
        self._estate.add(lock)
        return Answer(status=201 if new else 200, body=lock.as_json())

    def delete(self, call: Call) -> Answer:
        known = self._estate.find(call.resource_id) is not None
        self._estate.remove(call.resource_id)
        return Answer(status=200 if known else 204)

    def list_at(self, call: Call) -> Answer:
        """Locks of the scope and below it; for a resource also those it inherits."""
        self._check_scope(call.scope)
        below = list(self._estate.of(LOCK, call.scope))
        above = [lock for lock in self.on(call.scope) if lock not in below]
        return listing(call, [lock.as_json() for lock in above + below])

    def _check_scope(self, scope: str) -> None:
        if "/providers/" in scope.lower():
            self._estate.get(scope)


def _scope_of(lock: Resource) -> str:
    return lock.id[: lock.id.lower().rindex("/providers/")]
