"""How Azure is reached: what the machine is set up for otherwise changes nothing, or what it says."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.sandbox.azure.server import TOKEN, AzureServer
from workers.arm.read.machine import read_machine
from workers.arm.session.clients import Azure
from workers.domain.errors import DependencyAway
from workers.domain.starts.vm import VmRef


def vm(arm: AzureServer) -> VmRef:
    return VmRef.parse(min(one.id for one in arm.estate.vms() if "/Microsoft.Compute/" in one.id))


async def test_a_netrc_of_the_user_changes_nothing(
    arm: AzureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))

    async with Azure(arm.url, None, SecretStr(TOKEN)) as azure:
        found = await read_machine(azure, vm(arm))

    assert found["id"] == vm(arm).resource_id


async def test_the_environments_proxy_is_used_unless_it_exempts_the_host(
    arm: AzureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:9")  # nobody listens there

    async with Azure(arm.url, None, SecretStr(TOKEN)) as azure:
        with pytest.raises(DependencyAway):
            await read_machine(azure, vm(arm))

    monkeypatch.setitem(os.environ, "no_proxy", "127.0.0.1")
    async with Azure(arm.url, None, SecretStr(TOKEN)) as azure:
        assert await read_machine(azure, vm(arm))
