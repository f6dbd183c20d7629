"""The credential that the settings name is the one that is used, and no other is tried."""

import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.identity.aio import AzureCliCredential, ManagedIdentityCredential, WorkloadIdentityCredential

from tests.unit.runtime.test_environment import COMPLETE, given, refused
from workers.runtime.credential import Credential
from workers.runtime.environment import read_environment
from workers.settings import WorkersSettings

WORKLOAD = {
    "AZURE_CLIENT_ID": "c",
    "AZURE_TENANT_ID": "t",
    "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/token",
}
KINDS = {
    Credential.MANAGED_IDENTITY: ManagedIdentityCredential,
    Credential.WORKLOAD_IDENTITY: WorkloadIdentityCredential,
    Credential.CLI: AzureCliCredential,
}


def test_a_managed_identity_is_used_unless_another_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **COMPLETE)
    assert read_environment(WorkersSettings).credential is Credential.MANAGED_IDENTITY


@pytest.mark.parametrize("named", Credential)
async def test_the_named_credential_is_opened(named: Credential, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **COMPLETE | {"CREDENTIAL": str(named)})
    for name, value in WORKLOAD.items():
        monkeypatch.setenv(name, value)
    async with read_environment(WorkersSettings).credential.open() as opened:
        assert type(opened) is KINDS[named]


def test_an_unknown_credential_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, **COMPLETE | {"CREDENTIAL": "default"})
    (line,) = refused(capsys)
    assert "STARTGATE_CREDENTIAL is wrong" in line
    assert "'managed-identity', 'workload-identity' or 'cli'" in line


def test_a_workload_identity_says_at_start_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, **COMPLETE | {"CREDENTIAL": "workload-identity"})
    for name in WORKLOAD:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_CLIENT_ID", "c")
    (line,) = refused(capsys)
    assert "needs AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE, which the webhook" in line


async def test_a_managed_identity_is_the_one_whose_client_id_is_set_whatever_else_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The endpoint as App Service and Container Apps have it.

    Source: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    """
    asked: list[dict[str, str]] = []

    async def token(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        expires = str(int(time.time()) + 3600)
        told = {"access_token": "managed", "expires_on": expires, "resource": request.query["resource"]}
        return web.json_response(told | {"token_type": "Bearer"})

    app = web.Application()
    app.router.add_get("/msi/token", token)
    async with TestServer(app) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", str(server.make_url("/msi/token")))
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        monkeypatch.setenv("AZURE_CLIENT_ID", "ours")
        monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
        monkeypatch.setenv("AZURE_CLIENT_SECRET", "a secret that must not be used")
        async with Credential.MANAGED_IDENTITY.open() as opened:
            got = await opened.get_token("https://management.azure.com/.default")
    assert got.token == "managed"
    assert [(one["client_id"], one["resource"]) for one in asked] == [
        ("ours", "https://management.azure.com")
    ]
