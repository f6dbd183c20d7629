"""Network security groups: read, replace, delete."""

from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError, stale_etag
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import NIC, NSG, SUBNET, Estate, Resource, new_etag
from deploy.sandbox.azure.network.peers import check_groups
from deploy.sandbox.azure.network.put_over import put_over
from deploy.sandbox.azure.network.rules import check_rules, default_rules, stored

PUT_S = 2.0
DELETE_S = 2.0
_GROUPS = "/providers/Microsoft.Network/networkSecurityGroups"


class SecurityGroups:
    """``Microsoft.Network/networkSecurityGroups``."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro
        self._used_by: dict[tuple[str, str], list[str]] = {}
        self._used_as_of = -1

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{GROUP}{_GROUPS}/{{nsg}}", self.get),
            Route("PUT", f"{GROUP}{_GROUPS}/{{nsg}}", self.put),
            Route("DELETE", f"{GROUP}{_GROUPS}/{{nsg}}", self.delete),
            Route("GET", f"{GROUP}{_GROUPS}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{_GROUPS}", self.list_all),
        ]

    def get(self, call: Call) -> Answer:
        nsg = self._estate.get(call.resource_id)
        return Answer(body=self._shown(nsg, self._used()), headers={"ETag": nsg.etag})

    def list_all(self, call: Call) -> Answer:
        used = self._used()
        return listing(call, self._estate.of(NSG, call.scope), lambda nsg: self._shown(nsg, used))

    def put(self, call: Call) -> Answer:
        body = call.body or {}
        old = self._estate.find(call.resource_id)
        check_match(call, old)
        self._locks.check_write(call.resource_id, "Microsoft.Network/networkSecurityGroups/write")
        self._lro.operations.check_free(call.resource_id, "AnotherOperationInProgress")
        location = checked_location(body, old)
        properties = body.get("properties") or {}
        check_rules(properties.get("securityRules") or [], call.resource_id)
        check_groups(self._estate, call.resource_id, location, properties.get("securityRules") or [])
        new = nsg_resource(
            old.id if old else call.resource_id, location, properties.get("securityRules") or []
        )
        new.tags = dict(body.get("tags") or {})
        new.properties["flushConnection"] = bool(properties.get("flushConnection"))
        if old is not None:
            new.properties["resourceGuid"] = old.properties["resourceGuid"]
        return put_over(
            call,
            old,
            new,
            estate=self._estate,
            lro=self._lro,
            named="NSG PUT",
            lasts_s=PUT_S,
            shown=self._shown(new, self._used()),
        )

    def delete(self, call: Call) -> Answer:
        nsg = self._estate.find(call.resource_id)
        if nsg is None:
            return Answer(status=204)
        self._locks.check_delete(nsg.id)
        self._lro.operations.check_free(nsg.id, "AnotherOperationInProgress")
        users = [user for kind in (NIC, SUBNET) for user in self._used().get((nsg.id.lower(), kind), [])]
        if users:
            raise ArmError(
                400,
                "InUseNetworkSecurityGroupCannotBeDeleted",
                f"Network security group {nsg.id} cannot be deleted because it is in use by the following "
                f"resources: {', '.join(users)}. In order to delete the Network security "
                "group, remove the association with the resource(s).",
            )
        operation = self._lro.network("NSG DELETE", nsg.id, nsg.location, DELETE_S)
        self._lro.operations.begin(operation, lambda: self._estate.remove(nsg.id))
        return accepted(call, operation)

    def _shown(self, nsg: Resource, used: dict[tuple[str, str], list[str]]) -> dict[str, Any]:
        """A group with what uses it, which Azure works out when asked."""
        body = nsg.as_json()
        body["properties"] = {
            **nsg.properties,
            "networkInterfaces": [{"id": user} for user in used.get((nsg.id.lower(), NIC), [])],
            "subnets": [{"id": user} for user in used.get((nsg.id.lower(), SUBNET), [])],
        }
        return body

    def _used(self) -> dict[tuple[str, str], list[str]]:
        """The ids of the interfaces and of the subnets that have a group, by its id in lower case."""
        if self._used_as_of != self._estate.changes:
            self._used_by.clear()
            for kind in (NIC, SUBNET):
                for resource in self._estate.of(kind):
                    self._used_by.setdefault((nsg_of(resource).lower(), kind), []).append(resource.id)
            self._used_as_of = self._estate.changes
        return self._used_by


def nsg_of(resource: Resource) -> str:
    """The id of the group on an interface or a subnet, or an empty string."""
    return str((resource.properties.get("networkSecurityGroup") or {}).get("id", ""))


def nsg_resource(nsg_id: str, location: str, rules: list[dict[str, Any]]) -> Resource:
    """A group with these rules and the default ones."""
    etag = new_etag()
    return Resource(
        id=nsg_id,
        kind=NSG,
        location=location,
        etag=etag,
        properties={
            "provisioningState": "Succeeded",
            "resourceGuid": etag[3:-1],
            "securityRules": stored(rules, nsg_id, etag, "securityRules"),
            "defaultSecurityRules": default_rules(nsg_id, etag),
        },
    )


def all_rules(nsg: Resource) -> list[dict[str, Any]]:
    """The group's own rules, then the default ones."""
    return [*nsg.properties["securityRules"], *nsg.properties["defaultSecurityRules"]]


def checked_location(body: dict[str, Any], old: Resource | None) -> str:
    """The location that a PUT gives, as Azure writes it; a resource that exists can't move."""
    location = str(body.get("location") or "").replace(" ", "").lower()
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if old is not None and old.location != location:
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{old.name}' already exists in location '{old.location}'. "
            f"A resource with the same name cannot be created in location '{location}'.",
        )
    return location


def check_match(call: Call, resource: Resource | None) -> None:
    """Raise 412 if ``If-Match`` names another version, or ``If-None-Match: *`` meets an existing resource."""
    wanted = call.headers.get("If-Match")
    if wanted is not None and wanted != "*" and (resource is None or wanted != resource.etag):
        raise stale_etag(call.resource_id, wanted, resource.etag if resource else "null")
    if call.headers.get("If-None-Match") == "*" and resource is not None:
        raise ArmError(
            412, "PreconditionFailed", f"Precondition failed: '{call.resource_id}' exists already."
        )
