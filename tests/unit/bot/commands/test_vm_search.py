"""The menus of VMs: what they offer while somebody types, in which order, and to whom nothing."""

from datetime import timedelta, timezone, tzinfo
from types import SimpleNamespace
from typing import Any

import pytest

from bot.cards.blocks.inputs import ANY_VM, CONTAINED_VM, value_of
from bot.cards.blocks.text import plain_time
from bot.commands.picking.search import VmSearch, chosen_vm
from bot.flow import Flow
from bot.requests import Searched
from bot.services import Services
from deploy.sandbox.slack.blockkit import check_options
from tests import builders as a
from tests.rig import Rig
from tests.unit.bot.services_rig import services_of
from workers.domain.containment.containment import ContainmentState
from workers.domain.ids import partition_of_vm
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import KnownVm, PowerState, VmRecord
from workers.runtime.cloud import Cloud

ZONE = timezone(timedelta(hours=-5))
WEB = a.known_vm(ref=a.vm_ref(name="vm-web-01"), power=PowerState.DEALLOCATED)
WEB_2 = a.known_vm(ref=a.vm_ref(name="vm-web-02"))
DB = a.known_vm(ref=a.vm_ref(name="vm-db-01", group="rg-data"))
OLD = a.known_vm(ref=a.vm_ref(name="old-vm-web"))
PORTAL = f"<https://portal.azure.com/#@contoso.example/resource{DB.ref.resource_id}/overview>"


class Directory:
    async def zone(self, _user: str) -> tzinfo:
        return ZONE


@pytest.fixture
async def services(rig: Rig) -> Services:
    await rig.inventory.put([WEB, WEB_2, DB, OLD])
    containment = a.containment(
        version=0, vm=WEB_2.ref, state=ContainmentState.CONTAINED, verified_at=a.NOW - timedelta(minutes=5)
    )
    record = VmRecord(vm=WEB_2.ref, containment_id=containment.id)
    await rig.store.commit(Commit(partition=partition_of_vm(WEB_2.ref.key), documents=(containment, record)))
    return services_of(rig, Directory())


async def offered(
    services: Services, query: str, *, typed: str = "", menu: str = ANY_VM, actor: Actor | None = None
) -> list[dict[str, Any]]:
    view = {"private_metadata": f'{{"vm": "{typed}"}}'}
    searched = Searched(actor=actor or a.oncall(), query=query, view=view)
    options = await VmSearch(services).menus[menu](searched)
    assert check_options({"options": options}) == []
    return options


def names(options: list[dict[str, Any]]) -> list[str]:
    return [one["text"]["text"] for one in options]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("vm-db-01", ["vm-db-01"]),
        ("`VM-DB-01`,", ["vm-db-01"]),
        ("vm-web", ["vm-web-02", "vm-web-01", "old-vm-web"]),
        ("rg-data/vm-db-01", ["vm-db-01"]),
        ("rg-data/vm", ["vm-db-01"]),
        (DB.ref.resource_id.upper(), ["vm-db-01"]),
        *((PORTAL.replace("https://portal.azure.com", one.places.portal), ["vm-db-01"]) for one in Cloud),
        ("vm-bd-01", ["vm-db-01", "vm-web-01", "vm-web-02"]),
        ("nothing-like-it", []),
        ("<!channel> *x* \u202e", []),
    ],
)
async def test_a_vm_is_found_as_people_name_it(services: Services, query: str, fits: list[str]) -> None:
    assert names(await offered(services, query)) == fits


async def test_names_that_begin_so_come_first_and_of_those_running_vms(services: Services) -> None:
    assert names(await offered(services, "")) == ["old-vm-web", "vm-db-01", "vm-web-02", "vm-web-01"]
    assert names(await offered(services, "vm-"))[-1] == "old-vm-web"


async def test_at_first_the_menu_offers_what_was_typed_with_the_command(services: Services) -> None:
    assert names(await offered(services, "", typed="vm-db")) == ["vm-db-01"]
    assert names(await offered(services, "old", typed="vm-db")) == ["old-vm-web"]


async def test_a_menu_says_what_each_vm_is_now_in_the_readers_time(services: Services) -> None:
    about = {one["text"]["text"]: one["description"]["text"] for one in await offered(services, "vm-")}
    since = plain_time(a.NOW - timedelta(minutes=5), ZONE, a.NOW)
    assert about["vm-web-02"].startswith(f"contained since {since}, ")
    assert about["vm-web-01"].startswith("deallocated, ")
    assert about["vm-db-01"].startswith("running, rg-data, ")


async def test_the_menu_of_a_restore_offers_contained_vms_only(services: Services) -> None:
    for query in ("", "vm-web", "vm-wbe-02", WEB_2.ref.resource_id):
        assert names(await offered(services, query, menu=CONTAINED_VM)) == ["vm-web-02"]
    assert await offered(services, WEB.ref.resource_id, menu=CONTAINED_VM) == []


@pytest.mark.parametrize("menu", [ANY_VM, CONTAINED_VM])
async def test_who_is_not_on_call_is_shown_no_vm(services: Services, menu: str) -> None:
    assert await offered(services, "vm-", menu=menu, actor=a.actor()) == []


async def test_what_was_chosen_is_found_again_unless_it_is_gone(services: Services) -> None:
    (option,) = await offered(services, "vm-db-01")
    assert await chosen_vm(option["value"], services) == DB.ref
    elsewhere = a.vm_ref(name="vm-db-01", group="rg-other")
    assert await chosen_vm(value_of(elsewhere), services) is None
    assert await chosen_vm("", services) is None


async def test_a_hundred_at_most_are_offered(rig: Rig, services: Services) -> None:
    many: list[KnownVm] = [a.known_vm(ref=a.vm_ref(name=f"many-{n:03}")) for n in range(130)]
    await rig.inventory.put(many)
    assert len(await offered(services, "many")) == 100


async def test_a_menu_is_empty_where_its_options_can_not_be_read_and_slack_is_answered_all_the_same() -> None:
    answers: list[dict[str, Any]] = []

    async def ack(**answer: Any) -> None:
        answers.append(answer)

    async def fails(_searched: Searched) -> list[dict[str, Any]]:
        raise RuntimeError

    async def who(*_: object, **__: object) -> Actor:
        return a.oncall()

    flow = Flow(SimpleNamespace(directory=SimpleNamespace(actor=who)))  # type: ignore[arg-type]
    await flow.search(fails)(ack=ack, body={"user": {"id": "U1"}, "value": "x"})
    assert answers == [{"options": []}]
