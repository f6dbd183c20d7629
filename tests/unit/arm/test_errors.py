"""Azure's refusals as the domain's errors."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseTimeoutError,
)
from hypothesis import given
from hypothesis import strategies as st

from workers.arm.session.errors import Busy, asking, retry_after_s, right_for, translated
from workers.domain.errors import DependencyAway, NotFound, StartgateError, StepFailed

VM = (
    "https://management.azure.com/subscriptions/s/resourceGroups/g/providers"
    "/Microsoft.Compute/virtualMachines/web-01"
)
JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL21hbmFnZW1lbnQifQ.c2lnbmF0dXJl"


class Request:
    def __init__(self, method: str, url: str) -> None:
        self.method = method
        self.url = url


class Response:
    """As much of a response as the SDK's errors look at."""

    reason = "as the test says"

    def __init__(self, status: int, body: object, headers: dict[str, str] | None, request: Request) -> None:
        self.status_code = status
        self.headers = headers or {}
        self.request = request
        self._body = body if isinstance(body, str) else json.dumps(body)

    def text(self) -> str:
        return self._body


def refused(
    status: int,
    code: str = "",
    message: str = "",
    *,
    headers: dict[str, str] | None = None,
    body: object = None,
    method: str = "GET",
    url: str = VM,
) -> StartgateError:
    given: Any = Response(
        status, body or {"error": {"code": code, "message": message}}, headers, Request(method, url)
    )
    return translated(HttpResponseError(response=given), "read the VM web-01")


def test_404_is_not_found_and_says_what_was_asked() -> None:
    error = refused(404, "ResourceNotFound", "The Resource was not found.")

    assert isinstance(error, NotFound)
    assert "could not read the VM web-01: ResourceNotFound" in str(error)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_outage_and_throttling_are_dependency_away(status: int) -> None:
    error = refused(status, "ServerBusy", "Try later.", headers={"Retry-After": "27"})

    assert isinstance(error, DependencyAway)
    assert error.service == "azure"
    assert error.retry_after_s == 27


@pytest.mark.parametrize("error", [ServiceRequestError("x"), ServiceResponseTimeoutError("x")])
def test_no_connection_is_dependency_away(error: Any) -> None:
    assert isinstance(translated(error, "read the VM"), DependencyAway)


def test_no_token_is_an_outage_with_the_remedy() -> None:
    error = translated(ClientAuthenticationError(message=f"no: {JWT}"), "read the VM")

    assert isinstance(error, DependencyAway)
    assert "managed identity" in str(error)
    assert JWT not in str(error)


@pytest.mark.parametrize(
    ("status", "code"),
    [(412, "PreconditionFailed"), (409, "AnotherOperationInProgress"), (429, "RetryableError")],
)
def test_somebody_else_writing_is_busy(status: int, code: str) -> None:
    assert isinstance(refused(status, code, "x"), Busy)


def test_a_lock_fails_the_step_for_good_and_names_its_scope() -> None:
    error = refused(
        409,
        "ScopeLocked",
        "The scope '/x/web-01' cannot perform write operation because following scope(s) are locked: "
        "'/subscriptions/s/resourceGroups/rg-shop'. Please remove the lock and try again.",
    )

    assert isinstance(error, StepFailed)
    assert error.code == "ScopeLocked"
    assert error.final
    assert "a management lock on the resource group rg-shop forbids it" in str(error)
    assert "open Locks there and remove the lock" in str(error)
    assert "/subscriptions/s/resourceGroups/rg-shop" in str(error)


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        ("/subscriptions/s", "on the subscription forbids"),
        (
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web",
            "on web forbids",
        ),
        ("/subscriptions/s, /subscriptions/s/resourceGroups/g", "the subscription and the resource group g"),
        ("", "on it, its resource group or its subscription forbids"),
    ],
)
def test_each_scope_of_a_lock_is_named_in_words(scopes: str, said: str) -> None:
    sentence = f"because following scope(s) are locked: '{scopes}'. Please remove the lock and try again."
    assert said in str(refused(409, "ScopeLocked", sentence))


def test_another_conflict_keeps_its_code_and_may_be_tried_again() -> None:
    error = refused(409, "OperationNotAllowed", "The VM is being created.")

    assert isinstance(error, StepFailed)
    assert error.code == "OperationNotAllowed"
    assert not error.final


def test_403_names_the_right_as_azure_does() -> None:
    error = refused(
        403,
        "AuthorizationFailed",
        "The client 'c' with object id 'o' does not have authorization to perform action "
        "'Microsoft.Network/networkInterfaces/write' over scope '/x' or the scope is invalid.",
    )

    assert isinstance(error, StepFailed)
    assert error.final
    assert "we lack the right Microsoft.Network/networkInterfaces/write" in str(error)


def test_403_of_a_linked_scope_names_the_right_on_the_other_resource() -> None:
    error = refused(
        403,
        "LinkedAuthorizationFailed",
        "The client 'c' has permission to perform action 'Microsoft.Network/networkInterfaces/write' on "
        "scope '/nic'; however, it does not have permission to perform action(s) "
        "'Microsoft.Network/networkSecurityGroups/join/action' on the linked scope(s) '/nsg'.",
    )

    assert "we lack the right Microsoft.Network/networkSecurityGroups/join/action" in str(error)


def test_403_without_a_name_is_worked_out_from_the_call() -> None:
    error = refused(403, "AuthorizationFailed", "No.", method="POST", url=f"{VM}/deallocate?api-version=1")

    assert "Microsoft.Compute/virtualMachines/deallocate/action" in str(error)


def test_401_names_the_remedy() -> None:
    error = refused(401, "InvalidAuthenticationToken", f"The access token {JWT} is invalid.")

    assert isinstance(error, StepFailed)
    assert "credential scope" in str(error)
    assert JWT not in str(error)


@pytest.mark.parametrize(
    ("method", "url", "right"),
    [
        ("GET", VM, "Microsoft.Compute/virtualMachines/read"),
        ("PUT", VM, "Microsoft.Compute/virtualMachines/write"),
        ("GET", f"{VM}/instanceView", "Microsoft.Compute/virtualMachines/instanceView/read"),
        ("DELETE", f"{VM}/extensions/e", "Microsoft.Compute/virtualMachines/extensions/delete"),
        ("POST", f"{VM}/start", "Microsoft.Compute/virtualMachines/start/action"),
        (
            "POST",
            "https://h/subscriptions/s/providers/Microsoft.RecoveryServices/locations/we/backupStatus",
            "Microsoft.RecoveryServices/locations/backupStatus/action",
        ),
        ("GET", "https://h/subscriptions/s", "Microsoft.Resources/subscriptions/read"),
    ],
)
def test_the_right_for_a_call_is_known(method: str, url: str, right: str) -> None:
    assert right_for(method, url) == right


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12),
        ({"retry-after": "0"}, 0),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_retry_after_may_be_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    assert 25 < (retry_after_s({"Retry-After": at}) or 0) <= 30


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_a_body_that_is_not_arms_is_not_shown(status: int) -> None:
    error = refused(status, body="<html>proxy says " + "secret " * 500)

    assert "secret" not in str(error)
    assert f"HTTP {status}" in str(error)


@given(st.text(max_size=300))
def test_no_message_carries_a_token_or_grows_without_bound(around: str) -> None:
    error = refused(400, "BadRequest", f"{around} Bearer {JWT} {around} https://h/?c={JWT}&s={'A' * 40}")

    assert JWT not in str(error)
    assert "A" * 40 not in str(error)
    assert len(str(error)) < 600


async def test_a_call_that_takes_too_long_is_an_outage() -> None:
    with pytest.raises(DependencyAway, match=r"could not read it: no answer within 0\.01 s"):
        async with asking("read it", timeout_s=0.01):
            await asyncio.sleep(1)


async def test_errors_are_not_chained_to_the_sdks() -> None:
    with pytest.raises(DependencyAway) as raised:
        async with asking("read it"):
            raise ServiceRequestError(f"cannot connect with {JWT}")

    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("status", [429, 503])
def test_what_azure_answers_about_a_subscription_is_about_it_alone(status: int) -> None:
    url = "https://management.azure.com/subscriptions/AAAA-1/resourceGroups/g?api-version=1"
    error = refused(status, "Busy", "Wait.", url=url)

    assert isinstance(error, DependencyAway)
    assert error.scope == "aaaa-1"


def test_what_is_about_no_subscription_is_about_all_of_azure() -> None:
    error = refused(503, "Busy", "Wait.", url="https://management.azure.com/subscriptions?api-version=1")

    assert isinstance(error, DependencyAway)
    assert error.scope == ""
