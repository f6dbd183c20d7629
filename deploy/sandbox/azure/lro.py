"""Where each provider lets its long-running operations be asked about."""

from deploy.sandbox.azure.front.routing import Answer, Call, Route
from deploy.sandbox.azure.operations import Operation, Operations


class Lro:
    """Makes operations with the addresses their provider uses, and answers questions about them."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations

    def routes(self) -> list[Route]:
        return [
            Route("GET", "{scope}/operations/{operation}", self.status),
            Route("GET", "{scope}/operationStatus/{operation}", self.status),
            Route("GET", "{scope}/operationsStatus/{operation}", self.status),
            Route("GET", "{scope}/operationResults/{operation}", self.result),
        ]

    def compute(self, name: str, target: str, location: str, seconds: float) -> Operation:
        """An operation of Microsoft.Compute on ``target``."""
        return self._regional("Microsoft.Compute", name, target, location, seconds)

    def classic(self, name: str, target: str, location: str, seconds: float) -> Operation:
        """An operation of Microsoft.ClassicCompute on ``target``."""
        return self._regional("Microsoft.ClassicCompute", name, target, location, seconds)

    def network(self, name: str, target: str, location: str, seconds: float) -> Operation:
        """An operation of Microsoft.Network on ``target``."""
        return self._regional("Microsoft.Network", name, target, location, seconds)

    def vault(self, name: str, target: str, seconds: float) -> Operation:
        """An operation on a Recovery Services vault itself."""
        return Operation(
            name=name,
            target=target,
            status_path=f"{target}/operationStatus",
            result_path=f"{target}/operationResults",
            nominal_s=seconds,
        )

    def backup(self, name: str, target: str, seconds: float) -> Operation:
        """An operation on something inside a vault, such as a protected item."""
        return Operation(
            name=name,
            target=target,
            status_path=f"{target}/operationsStatus",
            result_path=f"{target}/operationResults",
            nominal_s=seconds,
        )

    def status(self, call: Call) -> Answer:
        """The status document, with ``Retry-After`` while it is not ended."""
        operation = self.operations.get(call.params["operation"])
        body = operation.document()
        headers = {"Retry-After": str(operation.retry_after_s)} if body["status"] == "InProgress" else {}
        return Answer(body=body, headers=headers)

    def result(self, call: Call) -> Answer:
        """202 while it runs; then 200 with the result, 204 if there is none, or the failure."""
        operation = self.operations.get(call.params["operation"])
        document = operation.document()
        if document["status"] == "InProgress":
            return Answer(status=202, headers=operation.headers(call.base_url, call.api_version))
        if document["status"] != "Succeeded":
            return Answer(status=409, body={"error": document["error"]})
        if operation.result is None:
            return Answer(status=204)
        return Answer(body=operation.result())

    @staticmethod
    def _regional(namespace: str, name: str, target: str, location: str, seconds: float) -> Operation:
        subscription = target.split("/")[2]
        base = f"/subscriptions/{subscription}/providers/{namespace}/locations/{location}"
        return Operation(
            name=name,
            target=target,
            status_path=f"{base}/operations",
            result_path=f"{base}/operationResults",
            nominal_s=seconds,
        )
