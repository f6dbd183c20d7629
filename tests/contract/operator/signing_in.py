"""An operator who has signed in to the Azure CLI with an account of the sandbox's tenant."""

import os
from pathlib import Path

import pytest

from deploy.sandbox.entra.az import install
from deploy.sandbox.entra.server import AUDIENCE, EntraServer


class SigningIn:
    """Whose token ``az`` prints."""

    def __init__(self, entra: EntraServer, directory: Path, environment: pytest.MonkeyPatch) -> None:
        self.entra, self._environment = entra, environment
        install(directory)
        for name, value in {
            "PATH": f"{directory}:{os.environ['PATH']}",
            "SANDBOX_ENTRA": entra.url,
            "STARTGATE_ENTRA_URL": entra.url,
            "STARTGATE_OPERATOR_TENANT": entra.world.tenant,
            "STARTGATE_OPERATOR_AUDIENCE": f"api://{AUDIENCE}",
        }.items():
            environment.setenv(name, value)

    def who(self, key: str) -> None:
        """``az login`` by somebody; empty for ``az logout``."""
        self._environment.setenv("SANDBOX_AZ_WHO", key)

    def oid(self, key: str) -> str:
        return self.entra.world.principal(key).oid

    def claims(self, key: str, **changes: object) -> None:
        """What their tokens say otherwise; ``None`` leaves a claim out."""
        self.entra.claims[self.oid(key)] = dict(changes)
