import pytest

from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.alerts.driver import Desk
from tests.valkey_server import Valkey


@pytest.fixture
def desk(arm: AzureServer, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(arm, valkey, monkeypatch)
