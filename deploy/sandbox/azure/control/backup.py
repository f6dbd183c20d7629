"""The ``/_backup`` endpoint: what others have done to the backup of a machine."""

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from deploy.sandbox.azure.backup.items import Items, ItemState, Status, Told, delete_softly, undelete
from deploy.sandbox.azure.backup.vaults import Vaults
from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import VAULT, Estate, Vm


class BackupAsk(BaseModel):
    """Body of ``PUT /_backup``.

    Attributes:
        vm: name or id.
        state: of its protected item, which is made if there is none.
        soft_deleted: delete the item softly, or undelete it.
        status: what ``backupStatus`` is to say, whatever the truth; with ``vault`` it names that one.
        vault: id of the vault; by default the one that protects it, or ``others-vault`` in its group. One
            that does not exist is made.
    """

    model_config = ConfigDict(extra="forbid")

    vm: str
    state: ItemState | None = None
    soft_deleted: bool | None = None
    status: Status | None = None
    vault: str = ""


class BackupControl:
    """Sets the state of protected items behind the product's back."""

    def __init__(self, *, estate: Estate, items: Items, vaults: Vaults) -> None:
        self._estate = estate
        self._items = items
        self._vaults = vaults

    def routes(self) -> list[web.RouteDef]:
        return [web.put("/_backup", self._put)]

    async def _put(self, request: web.Request) -> web.Response:
        ask = BackupAsk.model_validate(await request.json())
        return web.json_response(self.apply(ask))

    def apply(self, ask: BackupAsk) -> dict[str, Any]:
        """Do it; returns the item's id, if there is one, and what ``backupStatus`` says.

        Raises:
            ValueError: no machine, or more than one, is called so.
        """
        vm = self._vm(ask.vm)
        item = self._items.of_vm(vm.id)
        if ask.state is not None or ask.soft_deleted is not None:
            item = item or self._items.add(vm, self._vault(ask, vm))
            if ask.state is not None:
                item.properties["protectionState"] = ask.state
                ill = ask.state == "ProtectionError"
                item.properties["protectionStatus"] = "Unhealthy" if ill else "Healthy"
                item.properties["healthStatus"] = "ActionRequired" if ill else "Passed"
            if ask.soft_deleted:
                delete_softly(item)
            elif ask.soft_deleted is False:
                undelete(item)
        if ask.status is not None:
            vault_id = self._vault(ask, vm) if ask.vault else ""
            self._items.told[vm.id.lower()] = Told(status=ask.status, vault_id=vault_id)
        told = self._items.status(vm.id)
        return {"item": item.id if item else None, "status": told.status, "vault": told.vault_id or None}

    def _vault(self, ask: BackupAsk, vm: Vm) -> str:
        vault_id = ask.vault or arm_id(vm.subscription, vm.group, VAULT, "others-vault")
        known = self._estate.find(vault_id)
        return (known or self._vaults.make(vault_id, vm.location)).id

    def _vm(self, name: str) -> Vm:
        found = [vm for vm in self._estate.vms() if name.lower() in (vm.id.lower(), vm.name.lower())]
        if len(found) != 1:
            raise ValueError(f"{len(found)} VMs are called {name!r}; give its id")
        return found[0]
