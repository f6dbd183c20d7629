"""The specification of a VM: every error at once, each where it is; a public key, and never a password."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.contract.arm.hardening.specs import KEY, key_of, spec, written
from workers.arm.hardening.spec import VmSpec, read_spec
from workers.arm.hardening.ssh_keys import checked
from workers.cli import app
from workers.domain.errors import Finding, InvalidSpec

RSA = key_of("ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xff" * 256)
SHORT_RSA = key_of("ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xff" * 128)
CURVE = key_of("ecdsa-sha2-nistp256", b"x")


def read(directory: Path, **changes: Any) -> VmSpec:
    return read_spec(Path(written(directory, spec(**changes))))


def findings(directory: Path, **changes: Any) -> list[Finding]:
    with pytest.raises(InvalidSpec) as raised:
        read(directory, **changes)
    return raised.value.findings


def test_a_whole_specification_is_read(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert (found.name, found.admin.key, found.disks.data_gb) == ("born-01", KEY, (64,))
    assert not found.network.public_ip
    assert found.disks.sku == "Premium_LRS"


def test_every_error_has_its_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("name: -x\nsize: Standard_D2s_v5\nnetwrok: {}\nadmin: {user: root, ssh_key: x}\n")
    with pytest.raises(InvalidSpec) as raised:
        read_spec(path)
    said = {finding.where: finding for finding in raised.value.findings}
    assert (said["name"].line, said["name"].column) == (1, 1)
    assert (said["netwrok"].line, said["netwrok"].remedy) == (3, "Did you mean network?")
    assert (said["admin.user"].line, said["admin.user"].column) == (4, 9)
    assert said["admin.ssh_key"].line == 4
    assert {"subscription", "image", "owner", "network"} <= said.keys()
    assert raised.value.diagnostics().startswith(f"{path}: ")


def test_a_password_is_refused_with_the_reason_and_never_repeated(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec) as raised:
        read(tmp_path, admin={"user": "azureuser", "ssh_key": KEY, "password": "hunter2!Hunter2"})
    (found,) = raised.value.findings
    assert found.where == "admin.password"
    assert "it can be guessed" in found.problem
    assert "hunter2" not in raised.value.diagnostics()


@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        ({"admin": {"user": "admin", "ssh_key": KEY}}, "admin.user", "does not take"),
        ({"admin": {"user": "Olivia", "ssh_key": KEY}}, "admin.user", "small letters"),
        ({"admin": {"user": "o"}}, "admin", "give one of ssh_key and ssh_key_file"),
        ({"admin": {"user": "o", "ssh_key_file": "gone.pub"}}, "admin.ssh_key_file", "can't be read"),
        ({"owner": "the web team"}, "owner", "names nobody"),
        ({"tags": {"Managed-By": "x"}}, "tags", "is set by Startgate"),
        ({"network": {}}, "network", "give one of subnet"),
        ({"network": {"address_space": "8.8.8.0/24"}}, "network.address_space", "a private IPv4 network"),
        ({"network": {"address_space": "10.0.0.0/30"}}, "network.address_space", "at least /29"),
        ({"image": {"publisher": "Canonical"}}, "image", "are needed together"),
        ({"image": {"id": "/x", "sku": "y"}}, "image", "give either id, or"),
        ({"location": "West Europe"}, "location", "write a region"),
        ({"backup": {"vualt": "x"}}, "backup.vualt", "no such setting"),
        (
            {
                "network": {
                    "address_space": "10.7.0.0/24",
                    "nsg": {"allow": [{"name": "all", "source": "0.0.0.0/0", "ports": ["22"]}]},
                }
            },
            "network.nsg.allow[0].source",
            "the whole Internet is not an exception",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_is(
    tmp_path: Path, changes: dict[str, Any], where: str, said: str
) -> None:
    (found,) = findings(tmp_path, **changes)
    assert found.where == where
    assert said in found.problem + found.remedy


def test_a_key_in_a_file_is_the_same_as_the_key_itself(tmp_path: Path) -> None:
    (tmp_path / "id.pub").write_text(f"{KEY}\n")
    admin = {"user": "azureuser", "ssh_key_file": "id.pub"}
    assert read(tmp_path, admin=admin).admin.key == KEY


def test_the_digest_is_of_all_that_is_written(tmp_path: Path) -> None:
    first = read(tmp_path).digest
    assert read(tmp_path).digest == first
    (tmp_path / "id.pub").write_text(RSA)
    others = [
        read(tmp_path, size="Standard_D4s_v5").digest,
        read(tmp_path, owner="colin@contoso.example").digest,
        read(tmp_path, admin={"user": "azureuser", "ssh_key_file": "id.pub"}).digest,
    ]
    assert len({first, *others}) == 4


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="can't be read"):
        read_spec(tmp_path / "gone.yaml")
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    with pytest.raises(InvalidSpec, match="Start with subscription:"):
        read_spec(empty)


def test_the_example_is_a_whole_specification(tmp_path: Path) -> None:
    path = tmp_path / "vm.yaml"
    path.write_text(CliRunner().invoke(app, ["vm", "example"]).stdout)
    found = read_spec(path)
    assert set(VmSpec.model_fields) == set(yaml.safe_load(path.read_text()))
    assert found.network.nsg.allow[0].name == "bastion"


@pytest.mark.parametrize("key", [KEY, RSA, f"  {RSA}\n"])
def test_keys_that_azure_takes_are_taken(key: str) -> None:
    assert checked(key) == key.strip()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc", "this is a private key"),
        ("hunter2", "not one public key"),
        (f"{KEY}\n{KEY}", "not one public key"),
        (CURVE, "is a kind of key that Azure does not take"),
        (SHORT_RSA, "an RSA key needs 2048 bits"),
        (KEY.replace("ssh-ed25519 ", "ssh-rsa "), "the key is damaged"),
        ("ssh-ed25519 AAAA%%%", "the key is damaged"),
        (" ".join([*KEY.split()[:1], KEY.split()[1][:-12]]), "the key is damaged"),
    ],
)
def test_other_keys_are_refused_with_the_remedy(key: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked(key)
