"""What a PUT of an interface or a security group does to the one that is there."""

from typing import Any

from deploy.sandbox.azure.front.routing import Answer, Call, accepted
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import Estate, Resource, settle


def put_over(
    call: Call,
    old: Resource | None,
    new: Resource,
    *,
    estate: Estate,
    lro: Lro,
    named: str,
    lasts_s: float,
    shown: dict[str, Any],
) -> Answer:
    """Keep the old one in force until the operation ends; a first one can be read at once.

    Args:
        call: the PUT.
        old: what is there.
        new: what takes its place.
        estate: where both are.
        lro: where the operation begins.
        named: what the operation is called.
        lasts_s: seconds, at full speed.
        shown: the new one's body as it is answered.
    """
    standing = old or estate.add(new)
    standing.properties["provisioningState"] = "Updating"

    def done() -> None:
        settle(new, "Succeeded")
        estate.add(new)

    operation = lro.network(named, new.id, new.location, lasts_s)
    lro.operations.begin(operation, done, failed=lambda: settle(standing, operation.status))
    body = shown | {"properties": {**shown["properties"], "provisioningState": "Updating"}}
    return accepted(call, operation, status=201 if old is None else 200, body=body)
