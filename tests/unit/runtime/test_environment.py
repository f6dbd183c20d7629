"""Settings: what is missing or dangerous is said at once, with its remedy, and no secret is ever shown."""

import os

import pytest

from workers.runtime.addresses import checked_url, is_loopback
from workers.runtime.environment import PREFIX, REMEDIES, CommonSettings, MissingSettings, read_environment
from workers.settings import WorkersSettings

EMULATOR = "Endpoint=sb://127.0.0.1:5672;SharedAccessKeyName=n;SharedAccessKey=topsecret;UseDevelopmentEmulator=true;"
REAL = "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=topsecret"
COMPLETE = {
    "SERVICEBUS_CONNECTION": REAL,
    "REDIS_URL": "rediss://:topsecret@cache.example:6380/0",
    "POLICY": "/etc/startgate/policy.yaml",
}


def given(monkeypatch: pytest.MonkeyPatch, **settings: str | None) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    for name, value in settings.items():
        if value is not None:
            monkeypatch.setenv(PREFIX + name, value)


def refused(capsys: pytest.CaptureFixture[str], kind: type[CommonSettings] = WorkersSettings) -> list[str]:
    with pytest.raises(MissingSettings) as raised:
        read_environment(kind)
    assert raised.value.code == 78
    shown = capsys.readouterr().err
    assert "topsecret" not in shown
    assert shown.splitlines() == ["Startgate can't start:", *raised.value.lines]
    return raised.value.lines


class TestWhatIsMissing:
    def test_everything_missing_is_named_at_once_with_its_remedy(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given(monkeypatch)
        lines = refused(capsys)
        for name in ("redis_url", "policy", "servicebus_connection"):
            assert f"  {PREFIX}{name.upper()} is not set: {REMEDIES[name]}" in lines
        assert len(lines) == 3

    @pytest.mark.parametrize("name", ["REDIS_URL", "POLICY"])
    def test_one_that_is_missing_is_the_only_one_named(
        self, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given(monkeypatch, **COMPLETE | {name: None})
        assert refused(capsys) == [f"  {PREFIX}{name} is not set: {REMEDIES[name.lower()]}"]

    def test_one_that_is_empty_is_missing(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given(monkeypatch, **COMPLETE | {"REDIS_URL": ""})
        assert refused(capsys) == [f"  {PREFIX}REDIS_URL is not set: {REMEDIES['redis_url']}"]

    def test_without_any_bus_both_ways_to_one_are_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given(monkeypatch, **COMPLETE | {"SERVICEBUS_CONNECTION": None})
        (line,) = refused(capsys)
        assert "STARTGATE_SERVICEBUS_CONNECTION is not set" in line
        assert "STARTGATE_SERVICEBUS_NAMESPACE" in line

    @pytest.mark.parametrize("bus", [{"SERVICEBUS_NAMESPACE": "ns"}, {"SERVICEBUS_CONNECTION": REAL}])
    def test_either_way_to_the_bus_will_do(
        self, bus: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given(monkeypatch, **COMPLETE | {"SERVICEBUS_CONNECTION": None} | bus)
        settings = read_environment(WorkersSettings)
        assert settings.log == "json"
        assert settings.arm_endpoint == "https://management.azure.com"

    def test_a_wrong_value_is_named_but_never_shown(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given(monkeypatch, **COMPLETE, LOG="topsecret", RECEIVERS="topsecret")
        lines = refused(capsys)
        assert [line.split(":")[0] for line in lines] == [
            "  STARTGATE_LOG is wrong",
            "  STARTGATE_RECEIVERS is wrong",
        ]

    @pytest.mark.parametrize("seconds", ["0", "600"])
    def test_a_quiet_link_is_opened_anew_before_service_bus_ends_it(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: str
    ) -> None:
        given(monkeypatch, **COMPLETE, SERVICEBUS_QUIET_S=seconds)
        (line,) = refused(capsys)
        assert line.startswith("  STARTGATE_SERVICEBUS_QUIET_S is wrong")

    def test_settings_are_frozen_and_their_secrets_stay_hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given(monkeypatch, **COMPLETE)
        settings = read_environment(WorkersSettings)
        assert "topsecret" not in repr(settings)
        with pytest.raises(ValueError, match="frozen"):
            settings.log = "text"  # type: ignore[misc]


class TestPlainHttp:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:1",
            "http://127.9.9.9",
            "https://example.com",
        ],
    )
    def test_https_and_loopback_pass(self, url: str) -> None:
        assert checked_url(url + "/") == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://2130706433",
            "ftp://127.0.0.1",
            "https://",
            "//127.0.0.1",
            "127.0.0.1",
            "",
            "http://[::1",
        ],
    )
    def test_everything_else_is_refused(self, url: str) -> None:
        with pytest.raises(ValueError, match=r"plain http is only allowed on loopback|Invalid IPv6 URL"):
            checked_url(url)

    def test_an_arm_endpoint_in_the_clear_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given(monkeypatch, **COMPLETE, ARM_ENDPOINT="http://management.example")
        assert refused(capsys) == [
            "  STARTGATE_ARM_ENDPOINT is wrong: must be https; plain http is only allowed on loopback"
        ]

    @pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1"])
    def test_loopback_is_told_by_the_host_alone(self, host: str) -> None:
        assert is_loopback(f"sb://{host}/") is bool(host)


class TestArmToken:
    def test_a_fixed_token_opens_loopback_only(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given(monkeypatch, **COMPLETE, ARM_TOKEN="topsecret")
        assert refused(capsys) == [
            "  STARTGATE_ARM_TOKEN is wrong: only allowed with an ARM endpoint on loopback"
        ]

    def test_on_loopback_it_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given(monkeypatch, **COMPLETE, ARM_TOKEN="topsecret", ARM_ENDPOINT="http://127.0.0.1:9")
        token = read_environment(WorkersSettings).arm_token
        assert token is not None
        assert token.get_secret_value() == "topsecret"


class TestTheEmulatorsFlag:
    def test_on_loopback_it_may_turn_tls_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given(monkeypatch, **COMPLETE | {"SERVICEBUS_CONNECTION": EMULATOR})
        assert read_environment(WorkersSettings).servicebus_connection is not None

    @pytest.mark.parametrize(
        "connection",
        [
            EMULATOR.replace("127.0.0.1:5672", "x.servicebus.windows.net"),
            EMULATOR.replace("127.0.0.1", "127.0.0.1.example.com"),
            EMULATOR.replace("sb://127.0.0.1:5672", "127.0.0.1"),
            # The client takes the keys in any case, and the last one of a kind.
            REAL + ";usedevelopmentemulator=true",
            REAL + ";USEDEVELOPMENTEMULATOR=true",
            EMULATOR + "endpoint=sb://x.servicebus.windows.net",
            EMULATOR + "HostName=sb://x.servicebus.windows.net",
        ],
    )
    def test_elsewhere_it_is_refused(
        self, connection: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        given(monkeypatch, **COMPLETE | {"SERVICEBUS_CONNECTION": connection})
        (line,) = refused(capsys)
        assert line == (
            "  STARTGATE_SERVICEBUS_CONNECTION is wrong: "
            "UseDevelopmentEmulator=true turns TLS off; it is only allowed on loopback"
        )
