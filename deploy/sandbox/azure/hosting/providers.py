"""What each provider serves: kinds of resources, and api-versions.

Shape: ``Provider`` of the REST specification, https://learn.microsoft.com/rest/api/resources/providers/get
"""

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import SUBSCRIPTION, Answer, Call, Route
from workers.arm.session.api_versions import USED

OLDER = "2019-07-01"


class Providers:
    """``/subscriptions/…/providers/…``.

    Attributes:
        lagging: kinds of resources, in lower case, of which only an older version is served.
    """

    def __init__(self) -> None:
        self.lagging: set[str] = set()

    def routes(self) -> list[Route]:
        return [Route("GET", f"{SUBSCRIPTION}/providers/{{provider}}", self.get)]

    def get(self, call: Call) -> Answer:
        provider = call.params["provider"]
        kinds = {
            kind: version for kind, version in USED.items() if kind.lower().startswith(f"{provider.lower()}/")
        }
        if not kinds:
            raise ArmError(
                404, "InvalidResourceNamespace", f"The resource namespace '{provider}' is invalid."
            )
        return Answer(
            body={
                "id": call.resource_id,
                "namespace": provider,
                "registrationState": "Registered",
                "resourceTypes": [
                    {
                        "resourceType": kind.partition("/")[2],
                        "locations": ["West Europe"],
                        "apiVersions": [OLDER] if kind.lower() in self.lagging else [version, OLDER],
                    }
                    for kind, version in kinds.items()
                ],
            }
        )
