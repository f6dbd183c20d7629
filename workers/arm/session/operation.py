"""What a request to ARM is called in metrics and traces: a kind of resource, never a name."""

from yarl import URL

_PROVIDERS = "providers"


def operation(method: str, url: URL) -> str:
    """Such as ``POST microsoft.compute/virtualmachines/deallocate``.

    A path alternates between types and names, behind the namespace of the last provider; one that ends in a
    type lists, or acts. Lower case, because ids come in every spelling.
    Source: https://github.com/Azure/azure-resource-manager-rpc/blob/master/v1.0/resource-api-reference.md
    """
    parts = [part for part in url.path.lower().split("/") if part]
    if _PROVIDERS in parts:
        last = len(parts) - 1 - parts[::-1].index(_PROVIDERS)
        kinds = [*parts[last + 1 : last + 2], *parts[last + 2 :: 2]]
    else:
        kinds = parts[::2]
    return f"{method} {'/'.join(kinds)}"
