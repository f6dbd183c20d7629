"""Resource ids: built once, taken apart by position, compared without regard to case."""


def arm_id(subscription: str, group: str, kind: str, *names: str) -> str:
    """The id of a resource.

    Args:
        subscription: its subscription's GUID.
        group: its resource group.
        kind: the type, such as ``Microsoft.Network/virtualNetworks/subnets``.
        names: one name for each part of the type after the namespace.
    """
    namespace, *parts = kind.split("/")
    path = "".join(f"/{part}/{name}" for part, name in zip(parts, names, strict=True))
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}{path}"


def same(one: str, other: str) -> bool:
    """Whether two ids name one resource; ARM compares without case."""
    return one.lower() == other.lower()


def name_of(resource_id: str) -> str:
    return resource_id.rstrip("/").rpartition("/")[2]


def subscription_of(resource_id: str) -> str:
    """The subscription's GUID, or an empty string."""
    parts = resource_id.split("/")
    return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""


def group_of(resource_id: str) -> str:
    """The resource group's name, or an empty string."""
    parts = resource_id.split("/")
    return parts[4] if len(parts) > 4 and parts[3].lower() == "resourcegroups" else ""


def within(resource_id: str, scope: str) -> bool:
    """Whether a resource is the scope or lies in it: a subscription, a group or a parent resource."""
    inner, outer = resource_id.lower(), scope.lower().rstrip("/")
    return inner == outer or inner.startswith(f"{outer}/")
