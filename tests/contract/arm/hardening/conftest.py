import pytest

from deploy.sandbox.azure.server import AzureServer
from tests.contract.operator.desk import Desk


@pytest.fixture
def desk(arm: AzureServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(arm, monkeypatch)
