"""Specifications as people write them."""

import base64
import struct
from pathlib import Path
from typing import Any

import yaml

from tests.contract.azure.rig import PRODUCTION

NAME = "born-01"


def key_of(kind: str, *parts: bytes) -> str:
    blob = b"".join(struct.pack(">I", len(one)) + one for one in (kind.encode(), *parts))
    return f"{kind} {base64.b64encode(blob).decode()} olivia@laptop"


KEY = key_of("ssh-ed25519", bytes(range(32)))
OTHER_KEY = key_of("ssh-ed25519", bytes(range(1, 33)))


def spec(**changes: Any) -> dict[str, Any]:
    """A specification with some parts changed; ``None`` takes one away."""
    given = {
        "subscription": PRODUCTION,
        "resource_group": "rg-shop",
        "location": "westeurope",
        "name": NAME,
        "size": "Standard_D2s_v5",
        "image": {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server"},
        "admin": {"user": "azureuser", "ssh_key": KEY},
        "owner": "olivia@contoso.example",
        "tags": {"env": "prod"},
        "network": {
            "address_space": "10.77.0.0/24",
            "nsg": {"allow": [{"name": "bastion", "source": "10.0.9.0/26", "ports": ["22"]}]},
        },
        "disks": {"data_gb": [64]},
        **changes,
    }
    return {key: value for key, value in given.items() if value is not None}


def written(directory: Path, given: dict[str, Any]) -> str:
    path = directory / "spec.yaml"
    path.write_text(yaml.safe_dump(given, sort_keys=False), encoding="utf-8")
    return str(path)
