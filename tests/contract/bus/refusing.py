"""What Service Bus does to those who use it, and keys with fewer rights than the product needs."""

from deploy.sandbox.servicebus import reasons
from deploy.sandbox.servicebus.auth.keys import Policy
from deploy.sandbox.servicebus.server import BusServer

LISTENS = Policy(name="listens", key="one", rights=frozenset({"listen"}))
SENDS = Policy(name="sends", key="two", rights=frozenset({"send"}))
TEN_MINUTES_S = 600.0


def connection(server: BusServer, policy: Policy) -> str:
    """The connection string of a policy of the server."""
    return (
        f"Endpoint=sb://127.0.0.1:{server.amqp_port};SharedAccessKeyName={policy.name};"
        f"SharedAccessKey={policy.key};UseDevelopmentEmulator=true;"
    )


def detach_management(server: BusServer) -> int:
    """As after ten idle minutes; answers how many links that were."""
    idle = [
        link
        for connection in server.broker._connections
        for link in connection.links()
        if link.origin == "management"
    ]
    for link in idle:
        link.detach(reasons.link_idle(link.name, link.origin, TEN_MINUTES_S))
    return len(idle)
