"""Which of Azure's clouds this is: where tokens come from, and what its services are called.

Sources: https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure,
https://learn.microsoft.com/azure/china/resources-developer-guide, and azure-core, whose own table a test
compares. Redis' names of the sovereign clouds are those of Azure Cache for Redis; Azure Managed Redis is not
documented there.
"""

from enum import StrEnum
from typing import NamedTuple


class Places(NamedTuple):
    """What differs between clouds.

    Attributes:
        authority: host that gives tokens.
        arm_endpoint: Azure Resource Manager, without a slash at the end.
        arm_scope: what a token for it is asked for.
        servicebus: what follows the name of a namespace.
        redis: what the host names of Azure's Redis services end in.
        portal: the portal, without a slash at the end.
    """

    authority: str
    arm_endpoint: str
    arm_scope: str
    servicebus: str
    redis: tuple[str, ...]
    portal: str


class Cloud(StrEnum):
    """Values of ``STARTGATE_CLOUD``."""

    PUBLIC = "public"
    USGOV = "usgov"
    CHINA = "china"

    @property
    def places(self) -> Places:
        """Its names."""
        return _PLACES[self]

    def namespace_host(self, name: str) -> str:
        """The host of a Service Bus namespace; a whole host name stays as it is."""
        return name if "." in name else f"{name}{self.places.servicebus}"


_PLACES = {
    Cloud.PUBLIC: Places(
        authority="login.microsoftonline.com",
        arm_endpoint="https://management.azure.com",
        arm_scope="https://management.azure.com/.default",
        servicebus=".servicebus.windows.net",
        redis=(".redis.azure.net", ".redis.cache.windows.net"),
        portal="https://portal.azure.com",
    ),
    Cloud.USGOV: Places(
        authority="login.microsoftonline.us",
        arm_endpoint="https://management.usgovcloudapi.net",
        arm_scope="https://management.core.usgovcloudapi.net/.default",
        servicebus=".servicebus.usgovcloudapi.net",
        redis=(".redis.cache.usgovcloudapi.net",),
        portal="https://portal.azure.us",
    ),
    Cloud.CHINA: Places(
        authority="login.chinacloudapi.cn",
        arm_endpoint="https://management.chinacloudapi.cn",
        arm_scope="https://management.chinacloudapi.cn/.default",
        servicebus=".servicebus.chinacloudapi.cn",
        redis=(".redis.cache.chinacloudapi.cn",),
        portal="https://portal.azure.cn",
    ),
}

REDIS_HOSTS = tuple(suffix for cloud in Cloud for suffix in cloud.places.redis)
"""What the host names of Azure's Redis services end in, in any cloud."""

REDIS_SCOPE = "https://redis.azure.com/.default"
"""What a token for Redis is asked for.

Source: https://learn.microsoft.com/azure/redis/entra-for-authentication; for the sovereign clouds no other
one is documented.
"""
