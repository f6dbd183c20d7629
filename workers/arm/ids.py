"""Azure resource ids: taken apart by position, put together, compared without regard to case."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArmId:
    """An id such as ``/subscriptions/…/resourceGroups/…/providers/…/virtualNetworks/v/subnets/s``.

    Attributes:
        names: of the resource and those it lies in, outermost first: ``("v", "s")``.
    """

    text: str
    subscription_id: str
    group: str
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "ArmId":
        """Take an id of a resource in a group apart.

        Raises:
            ValueError: it is not one.
        """
        parts = text.strip("/").split("/")
        words = [part.lower() for part in parts[:5:2]]
        if words != ["subscriptions", "resourcegroups", "providers"] or len(parts) < 8 or len(parts) % 2:  # noqa: PLR2004 - the shortest id has eight parts
            raise ValueError(f"not the id of an Azure resource: {text[:300]!r}")
        return cls(text=text, subscription_id=parts[1], group=parts[3], names=tuple(parts[7::2]))

    @property
    def name(self) -> str:
        """Its own name."""
        return self.names[-1]


def name_of(resource_id: str | None) -> str:
    """The last part of an id; ``none`` where there is no id."""
    return resource_id.rstrip("/").rpartition("/")[2] if resource_id else "none"


def same(one: str | None, other: str | None) -> bool:
    """Whether two ids name one resource; ``None`` equals only ``None``."""
    return (one or "").lower() == (other or "").lower()


def spelt_in(ids: Iterable[str], resource_id: str) -> str | None:
    """The one of ``ids`` that names this resource, as it is spelt there; ``None`` if none does."""
    wanted = resource_id.lower()
    return next((one for one in ids if one.lower() == wanted), None)


def group_id(subscription_id: str, resource_group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}"
