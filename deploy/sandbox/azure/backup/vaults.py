"""Recovery Services vaults and the backup policies in them."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import VAULT, Estate, Resource, settle
from deploy.sandbox.azure.operations import Operation

POLICY = "Microsoft.RecoveryServices/vaults/backupPolicies"
CREATE_S = 5.0
UPDATE_S = 3.0
VAULTS = "/providers/Microsoft.RecoveryServices/vaults"
ONE = f"{GROUP}{VAULTS}/{{vault}}"
_CONFIG = f"{ONE}/backupconfig/vaultconfig"
_SKUS = ("rs0", "standard")


class Vaults:
    """``Microsoft.RecoveryServices/vaults`` with their policies and backup configuration."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro

    def routes(self) -> list[Route]:
        policy = f"{ONE}/backupPolicies/{{policy}}"
        return [
            Route("GET", ONE, self.get),
            Route("PUT", ONE, self.put),
            Route("PATCH", ONE, self.patch),
            Route("GET", f"{GROUP}{VAULTS}", self.list_all),
            Route("GET", f"{SUBSCRIPTION}{VAULTS}", self.list_all),
            Route("GET", policy, self.get_policy),
            Route("PUT", policy, self.put_policy),
            Route("GET", f"{ONE}/backupPolicies", self.list_policies),
            Route("GET", _CONFIG, self.get_config),
            Route("PUT", _CONFIG, self.set_config),
            Route("PATCH", _CONFIG, self.set_config),
        ]

    def get(self, call: Call) -> Answer:
        return Answer(body=self._estate.get(call.resource_id).as_json())

    def list_all(self, call: Call) -> Answer:
        return listing(call, [vault.as_json() for vault in self._estate.of(VAULT, call.scope)])

    def put(self, call: Call) -> Answer:
        """A new vault gets its default policies; an existing one takes the new properties."""
        body = call.body or {}
        self._locks.check_write(call.resource_id, f"{VAULT}/write")
        self._lro.operations.check_free(call.resource_id, "AnotherOperationInProgress")
        location = str(body.get("location") or "").replace(" ", "").lower()
        sku = body.get("sku") or {}
        if not location or str(sku.get("name", "")).lower() not in _SKUS:
            raise ArmError(
                400, "InvalidRequestContent", "A vault needs a location and a sku, RS0 or Standard."
            )
        old = self._estate.find(call.resource_id)
        if old is not None and old.location != location:
            raise ArmError(
                409,
                "InvalidResourceLocation",
                f"The resource '{old.name}' already exists in location '{old.location}'.",
            )
        settings = self._settings(old, body)
        vault = old or self._new(call.resource_id, location, sku)
        vault.properties |= settings
        vault.tags = dict(body.get("tags") or {})
        operation = self._write(vault, "vault PUT", CREATE_S)
        return accepted(call, operation, status=201 if old is None else 200, body=vault.as_json())

    def patch(self, call: Call) -> Answer:
        body = call.body or {}
        vault = self._estate.get(call.resource_id)
        self._locks.check_write(vault.id, f"{VAULT}/write")
        self._lro.operations.check_free(vault.id, "AnotherOperationInProgress")
        vault.properties |= self._settings(vault, body)
        if "tags" in body:
            vault.tags = dict(body["tags"] or {})
        return accepted(call, self._write(vault, "vault PATCH", UPDATE_S), body=vault.as_json())

    def make(self, vault_id: str, location: str) -> Resource:
        """A vault that is there at once, as if it had always been."""
        vault = self._new(vault_id, location, {"name": "RS0"})
        settle(vault, "Succeeded")
        return vault

    def _new(self, vault_id: str, location: str, sku: dict[str, Any]) -> Resource:
        vault = Resource(
            id=vault_id,
            kind=VAULT,
            location=location,
            etag=_etag(),
            extra={"sku": {"name": sku["name"], "tier": sku.get("tier") or "Standard"}},
            properties={
                "publicNetworkAccess": "Enabled",
                # https://learn.microsoft.com/azure/backup/backup-create-recovery-services-vault#set-storage-redundancy
                "redundancySettings": {"standardTierStorageRedundancy": "GeoRedundant"},
            },
        )
        vault.properties["securitySettings"] = {
            "immutabilitySettings": {"state": "Disabled"},
            "softDeleteSettings": {
                "softDeleteState": "Enabled",
                "softDeleteRetentionPeriodInDays": 14,
                "enhancedSecurityState": "Enabled",
            },
            "multiUserAuthorization": "Disabled",
        }
        for name, kind in (("DefaultPolicy", "V1"), ("EnhancedPolicy", "V2")):
            self._estate.add(
                Resource(id=f"{vault_id}/backupPolicies/{name}", kind=POLICY, properties=_daily(kind))
            )
        return self._estate.add(vault)

    def _write(self, vault: Resource, name: str, seconds: float) -> Operation:
        vault.properties["provisioningState"] = "Provisioning"

        def done() -> None:
            settle(vault, "Succeeded")
            vault.etag = _etag()

        operation = self._lro.vault(name, vault.id, seconds)
        return self._lro.operations.begin(operation, done, failed=lambda: settle(vault, operation.status))

    @staticmethod
    def _settings(old: Resource | None, body: dict[str, Any]) -> dict[str, Any]:
        """The properties that a write sets, merged into the old ones; refuses to undo what is for ever."""
        given = body.get("properties") or {}
        security = given.get("securitySettings") or {}
        before = (old.properties.get("securitySettings") if old else None) or {}
        merged = {**before}
        for part in ("immutabilitySettings", "softDeleteSettings"):
            if part in security:
                merged[part] = {**before.get(part, {}), **security[part]}
        state = before.get("immutabilitySettings", {}).get("state")
        if state == "Locked" and merged["immutabilitySettings"].get("state") != "Locked":
            raise ArmError(
                400,
                "ImmutabilityStateCannotBeChanged",
                "The immutability state of the vault is Locked and cannot be changed.",
            )
        days = merged.get("softDeleteSettings", {}).get("softDeleteRetentionPeriodInDays", 14)
        if not 14 <= days <= 180:
            raise ArmError(
                400, "InvalidSoftDeleteRetention", f"Soft delete keeps 14 to 180 days, not {days}."
            )
        kept = ("publicNetworkAccess", "redundancySettings")
        settings = {key: given[key] for key in kept if key in given}
        return settings | ({"securitySettings": merged} if merged else {})

    def get_policy(self, call: Call) -> Answer:
        self._estate.get(call.parent_id.rpartition("/")[0])
        found = self._estate.find(call.resource_id)
        if found is None:
            raise ArmError(
                400, "BMSUserErrorPolicyNotFound", f"The policy '{call.params['policy']}' does not exist."
            )
        return Answer(body=found.as_json())

    def list_policies(self, call: Call) -> Answer:
        vault = self._estate.get(call.parent_id)
        return listing(call, [policy.as_json() for policy in self._estate.of(POLICY, vault.id)])

    def put_policy(self, call: Call) -> Answer:
        vault = self._estate.get(call.parent_id.rpartition("/")[0])
        given = (call.body or {}).get("properties") or {}
        if given.get("backupManagementType") != "AzureIaasVM" or not given.get("schedulePolicy"):
            raise ArmError(
                400,
                "BMSUserErrorInvalidInput",
                "A policy for machines needs type AzureIaasVM and a schedule.",
            )
        policy = Resource(
            id=f"{vault.id}/backupPolicies/{call.params['policy']}",
            kind=POLICY,
            properties={"protectedItemsCount": 0, **given},
        )
        return Answer(body=self._estate.add(policy).as_json())

    def get_config(self, call: Call) -> Answer:
        return Answer(body=self._config(self._vault_of_config(call)))

    def set_config(self, call: Call) -> Answer:
        """PUT and PATCH alike; what is not given stays."""
        vault = self._vault_of_config(call)
        given = (call.body or {}).get("properties") or {}
        settings = vault.properties["securitySettings"]["softDeleteSettings"]
        state = given.get("softDeleteFeatureState")
        if settings["softDeleteState"] == "AlwaysON" and state not in (None, "AlwaysON"):
            raise ArmError(400, "BMSUserErrorInvalidInput", "Soft delete of this vault is always on.")
        for ours, theirs in (
            ("softDeleteState", "softDeleteFeatureState"),
            ("softDeleteRetentionPeriodInDays", "softDeleteRetentionPeriodInDays"),
            ("enhancedSecurityState", "enhancedSecurityState"),
        ):
            if given.get(theirs) is not None:
                settings[ours] = given[theirs]
        return Answer(body=self._config(vault))

    def _vault_of_config(self, call: Call) -> Resource:
        return self._estate.get(call.parent_id.rpartition("/")[0])

    @staticmethod
    def _config(vault: Resource) -> dict[str, Any]:
        settings = vault.properties["securitySettings"]["softDeleteSettings"]
        return {
            "id": f"{vault.id}/backupconfig/vaultconfig",
            "name": "vaultconfig",
            "type": "Microsoft.RecoveryServices/vaults/backupconfig",
            "properties": {
                "enhancedSecurityState": settings["enhancedSecurityState"],
                "softDeleteFeatureState": settings["softDeleteState"],
                "softDeleteRetentionPeriodInDays": settings["softDeleteRetentionPeriodInDays"],
                "isSoftDeleteFeatureStateEditable": settings["softDeleteState"] != "AlwaysON",
            },
        }


def _etag() -> str:
    """The vault provider's entity tags hold a quoted time."""
    return f"W/\"datetime'{quote(datetime.now(UTC).isoformat())}'\""


def _daily(policy_type: str) -> dict[str, Any]:
    """A policy with one backup a day, kept for 30 days."""
    at = "2026-01-12T02:00:00Z"
    schedule: dict[str, Any] = {
        "schedulePolicyType": "SimpleSchedulePolicy",
        "scheduleRunFrequency": "Daily",
        "scheduleRunTimes": [at],
        "scheduleWeeklyFrequency": 0,
    }
    if policy_type == "V2":
        schedule = {
            "schedulePolicyType": "SimpleSchedulePolicyV2",
            "scheduleRunFrequency": "Hourly",
            "hourlySchedule": {
                "interval": 4,
                "scheduleWindowStartTime": at,
                "scheduleWindowDuration": 12,
            },
        }
    return {
        "backupManagementType": "AzureIaasVM",
        "policyType": policy_type,
        "instantRpRetentionRangeInDays": 2,
        "timeZone": "UTC",
        "protectedItemsCount": 0,
        "schedulePolicy": schedule,
        "retentionPolicy": {
            "retentionPolicyType": "LongTermRetentionPolicy",
            "dailySchedule": {
                "retentionTimes": [at],
                "retentionDuration": {"count": 30, "durationType": "Days"},
            },
        },
    }
