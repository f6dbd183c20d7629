"""Each cloud has its own names, and the settings take them from it."""

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from tests.unit.runtime.test_environment import COMPLETE, given, refused
from workers.runtime.cloud import REDIS_SCOPE, Cloud
from workers.runtime.credential import Credential, Identity
from workers.runtime.environment import read_environment
from workers.settings import WorkersSettings

AS_AZURE_CALLS_IT = {
    Cloud.PUBLIC: (AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
    Cloud.USGOV: (AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
    Cloud.CHINA: (AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
}


@pytest.mark.parametrize("cloud", Cloud)
def test_endpoint_scope_and_authority_are_those_of_the_sdk(cloud: Cloud) -> None:
    theirs, authority = AS_AZURE_CALLS_IT[cloud]
    endpoints = get_arm_endpoints(theirs)
    assert cloud.places.arm_endpoint == endpoints["resource_manager"].rstrip("/")
    assert [cloud.places.arm_scope] == endpoints["credential_scopes"]
    assert cloud.places.authority == authority


@pytest.mark.parametrize("cloud", Cloud)
def test_the_settings_take_every_name_from_the_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **COMPLETE | {"CLOUD": str(cloud), "SERVICEBUS_NAMESPACE": "bus"})
    settings = read_environment(WorkersSettings)
    assert settings.arm_endpoint == cloud.places.arm_endpoint
    assert settings.arm_scope == cloud.places.arm_scope
    assert settings.servicebus_namespace == f"bus{cloud.places.servicebus}"
    assert settings.identity == Identity(Credential.MANAGED_IDENTITY, cloud)


def test_what_is_set_goes_before_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"CLOUD": "usgov", "ARM_ENDPOINT": "https://arm.example", "SERVICEBUS_NAMESPACE": "bus.example.com"}
    given(monkeypatch, **COMPLETE | own)
    settings = read_environment(WorkersSettings)
    assert settings.arm_endpoint == "https://arm.example"
    assert settings.arm_scope is None  # the endpoint's own
    assert settings.servicebus_namespace == "bus.example.com"


def test_an_unknown_cloud_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, **COMPLETE | {"CLOUD": "germany"})
    assert any("STARTGATE_CLOUD is wrong" in line and "'usgov'" in line for line in refused(capsys))


def test_redis_is_signed_in_to_by_entra_id_only_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given(monkeypatch, **COMPLETE)
    assert read_environment(WorkersSettings).redis_sign_in is None
    given(monkeypatch, **COMPLETE | {"REDIS_AUTH": "entra", "REDIS_URL": "rediss+cluster://r.example:10000"})
    sign_in = read_environment(WorkersSettings).redis_sign_in
    assert sign_in is not None
    assert sign_in == (Identity(Credential.MANAGED_IDENTITY, Cloud.PUBLIC), REDIS_SCOPE)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rediss://:secret@r.example:10000", "neither user nor password"),
        ("redis://r.example:6379", "must be rediss://"),
        ("redis+cluster://r.example:6379", "must be rediss://"),
    ],
)
def test_a_token_never_travels_in_the_clear_or_beside_a_password(
    url: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, **COMPLETE | {"REDIS_AUTH": "entra", "REDIS_URL": url})
    (line,) = refused(capsys)
    assert "STARTGATE_REDIS_AUTH is wrong" in line
    assert said in line
    assert "secret" not in line
