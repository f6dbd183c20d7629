"""Every body, the product's and the stand-in's, against the models of the management SDKs in use.

The models are those of the api-version that the SDK sends, and the product's own requests are held to it.
"""

import re
from collections.abc import Iterator

from deploy.sandbox.azure.front.refusal_bodies import BODIES
from deploy.sandbox.azure.seed import add_vm
from deploy.sandbox.azure.server import AzureServer
from deploy.sandbox.world import NicSeed, VmSeed
from tests.contract.arm.driver import isolating
from tests.contract.azure.models.capture import Capture, Exchange
from tests.contract.azure.models.driving import (
    ask_each_client,
    contain_one,
    look_at_everything,
    look_closer,
    use_everything,
)
from tests.contract.azure.models.rows import COMPUTE, EXCEPTIONS, REFUSED, ROWS, UNHELD, bodies, row_of
from tests.contract.azure.networks.test_nic_keeping import SETTINGS
from tests.contract.azure.rig import WEB_01, Cloud
from workers.arm.session.clients import Azure


def faults_asked(exchange: Exchange) -> Iterator[str]:
    row = row_of(exchange.path)
    if row is None or exchange.asked is None:
        return
    model = row.asked.get(exchange.method)
    if model is None:
        yield f"{exchange.method} {exchange.path}: sends a body where none is known"
        return
    yield from _said(exchange, row.package.faults(exchange.asked, model))


def faults_answered(exchange: Exchange) -> Iterator[str]:
    if exchange.status >= 400:
        yield from _said(exchange, COMPUTE.faults(exchange.answered, REFUSED))
        return
    row = row_of(exchange.path)
    if row is None or exchange.answered is None:
        return
    for body in bodies(exchange.answered):
        yield from _said(exchange, row.package.faults(body, row.answered))


def _said(exchange: Exchange, faults: Iterator[str]) -> Iterator[str]:
    short = re.sub(r"/subscriptions/[^/]+|/resourceGroups/[^/]+", "", exchange.path)
    for fault in faults:
        if not any(re.search(known, fault) for known in EXCEPTIONS):
            yield f"{exchange.method} {short}: {fault}"


def placed(exchange: Exchange) -> bool:
    return row_of(exchange.path) is not None or any(one.fits(exchange.path) for one in UNHELD)


async def test_what_the_product_sends_is_in_the_models(
    arm: AzureServer, azure: Azure, capture: Capture
) -> None:
    await use_everything(arm, azure)
    await look_closer(arm, azure)
    writes = {(e.method, e.namespace) for e in capture.exchanges if e.asked is not None}
    assert writes >= {
        ("PUT", "microsoft.network"),
        ("PUT", "microsoft.recoveryservices"),
        ("POST", "microsoft.recoveryservices"),
        ("PUT", "microsoft.insights"),
    }
    assert [e.path for e in capture.exchanges if not placed(e)] == []
    assert sorted({fault for e in capture.exchanges for fault in faults_asked(e)}) == []


async def test_what_the_stand_in_answers_the_product_is_in_the_models(
    arm: AzureServer, azure: Azure, capture: Capture
) -> None:
    await use_everything(arm, azure)
    await look_closer(arm, azure)
    assert sorted({fault for e in capture.exchanges for fault in faults_answered(e)}) == []


async def test_whatever_else_the_stand_in_answers_is_in_the_models(cloud: Cloud, capture: Capture) -> None:
    await look_at_everything(cloud)
    assert sorted({fault for e in capture.exchanges for fault in faults_answered(e)}) == []
    seen = [row_of(exchange.path) for exchange in capture.exchanges]
    assert [row.path for row in ROWS if row not in seen] == []


async def test_each_refusal_has_the_shape_of_arms(cloud: Cloud, capture: Capture) -> None:
    for code in BODIES:
        await cloud.ask("PUT", "/_refusals", [{"code": code}])
        await cloud.ask("PUT", f"{WEB_01}?api-version=1", {})
    assert {e.answered["error"]["code"] for e in capture.exchanges} == BODIES.keys()
    assert sorted({fault for e in capture.exchanges for fault in faults_answered(e)}) == []


async def test_the_product_loses_nothing_of_an_interface(arm: AzureServer, azure: Azure) -> None:
    zone = {"extended_location": "losangeles", "asgs": ["web"]}
    nic = NicSeed.model_validate({"settings": SETTINGS, **zone})
    add_vm(arm.estate, arm.world, VmSeed(name="rich-01", group="rg-shop", nics=[nic]))
    await contain_one(isolating(arm, azure, "rich-01"))
    assert [loss for loss in arm.interfaces.losses if loss.lost] == []


async def test_every_route_of_the_stand_in_has_a_model_or_a_reason(arm: AzureServer) -> None:
    for route in arm.routes:
        path = re.sub(r"\{scope\}", WEB_01, route.template)
        path = re.sub(r"\{(\w+)\}", r"x", path)
        held = row_of(path) is not None
        assert held or any(one.fits(path) for one in UNHELD), route.template


async def test_the_product_asks_in_the_versions_of_the_sdks(
    arm: AzureServer, azure: Azure, cloud: Cloud, capture: Capture
) -> None:
    await ask_each_client(cloud)
    versions: dict[str, set[str]] = {}
    for exchange in capture.exchanges:
        if row_of(exchange.path) is not None:
            versions.setdefault(exchange.namespace, set()).add(exchange.api_version)
    capture.exchanges.clear()
    await use_everything(arm, azure)
    odd = {
        (e.method, e.path, e.api_version)
        for e in capture.exchanges
        if row_of(e.path) is not None and e.api_version not in versions.get(e.namespace, set())
    }
    assert odd == set()
