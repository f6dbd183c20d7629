"""Who started a VM and by which right, as far as an event tells it."""

import json

import pytest

from tests.builders import AZURE_CLI
from tests.unit.consumers.start_tellings import CLAIMS, METHODS, OID, UPN, grid, log, one
from workers.consumers.claims import caller_from
from workers.domain.starts.events import Caller, CallerKind
from workers.domain.starts.known_clients import KNOWN_CLIENTS, KnownClient

EMAIL = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
GUEST = "mallory_elsewhere.example#EXT#@contoso.onmicrosoft.com"
USER = {"evidence": {"principalType": "User"}}


class TestCallers:
    def test_claims_may_be_the_json_text_of_an_object(self) -> None:
        assert one(grid(claims=json.dumps(CLAIMS))).caller == one(grid()).caller

    def test_a_service_principal_has_no_address_and_no_mfa(self) -> None:
        claims = {"appid": "app-1", OID: "oid-1", "idtyp": "app", METHODS: "mfa"}
        caller = one(grid(claims=claims, authorization=None)).caller
        assert (caller.kind, caller.email, caller.app_id, caller.object_id, caller.mfa) == (
            CallerKind.SERVICE_PRINCIPAL, "", "app-1", "oid-1", None,
        )  # fmt: skip

    @pytest.mark.parametrize("spelling", ["ServicePrincipal", "SERVICEPRINCIPAL", "Application"])
    def test_the_evidence_tells_a_service_principal(self, spelling: str) -> None:
        claims = {"appid": "app-1"}
        told = one(grid(claims=claims, authorization={"evidence": {"principalType": spelling}}))
        assert told.caller.kind is CallerKind.SERVICE_PRINCIPAL

    def test_a_managed_identity_is_told_by_its_resource(self) -> None:
        claims = {"appid": "app-1", "xms_mirid": "/subscriptions/…/userAssignedIdentities/id", OID: "oid-1"}
        authorization = {"evidence": {"principalType": "ServicePrincipal"}}
        assert (
            one(grid(claims=claims, authorization=authorization)).caller.kind is CallerKind.MANAGED_IDENTITY
        )

    @pytest.mark.parametrize(
        ("methods", "mfa"),
        [
            ("pwd,mfa", True),
            ("rsa, MFA", True),
            ("fido", True),
            ("ngcmfa", True),
            ("pwd,http://schemas.microsoft.com/claims/multipleauthn", True),
            ("wia", False),
            ("hwk", False),
            ("swk", False),
            ("wiaormfa", False),
            ("otp", False),
            ("fed,wia,hwk", False),
            ("hwk,mfa", True),
            (["pwd", "mfa"], True),
            ("pwd", False),
            ("rsa", False),
            ("notmfa", False),
            ("", None),
            (None, None),
            (7, None),
        ],
    )
    def test_a_second_factor_is_told_only_where_the_token_says_so(self, methods: object, mfa: object) -> None:
        assert one(grid(claims=CLAIMS | {METHODS: methods})).caller.mfa is mfa

    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:50123", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            (" 203.0.113.7 ", "203.0.113.7"),
            ("<!channel>", ""),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("203.0.113.999", ""),
            ("evil.example:80", ""),
            ("", ""),
        ],
    )
    def test_an_address_loses_its_port_and_anything_else_is_left_out(self, text: str, address: str) -> None:
        assert caller_from({}, None, caller="", ip=text).ip == address
        assert caller_from({"ipaddr": text}, None, caller="", ip="").signin_ip == address

    def test_where_they_signed_in_is_told_apart_from_where_the_request_came_from(self) -> None:
        caller = one(grid()).caller
        assert (caller.ip, caller.signin_ip, caller.elsewhere) == ("198.51.100.1", "203.0.113.7", True)

    @pytest.mark.parametrize(
        ("request_ip", "signin_ip"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("", "203.0.113.7"),
            ("203.0.113.7", ""),
        ],
    )
    def test_only_two_known_addresses_can_differ(self, request_ip: str, signin_ip: str) -> None:
        assert not caller_from({"ipaddr": signin_ip}, None, caller="", ip=request_ip).elsewhere

    def test_the_address_of_a_sign_in_never_passes_for_the_requests(self) -> None:
        assert one(grid(httpRequest=None)).caller.ip == ""

    def test_the_record_names_the_caller_where_there_are_no_claims(self) -> None:
        assert one(log(claims=None, authorization=None)).caller.email == "alice@contoso.com"
        nobody = one(log(claims=None, authorization=None, caller="33333333-aaaa")).caller
        assert (nobody.kind, nobody.email, nobody.object_id) == (CallerKind.UNKNOWN, "", "33333333-aaaa")

    @pytest.mark.parametrize(
        ("changes", "email"),
        [
            ({"email": "Mallory@elsewhere.example"}, "mallory@elsewhere.example"),
            ({EMAIL: "mallory@elsewhere.example"}, "mallory@elsewhere.example"),
            ({"preferred_username": "mallory@elsewhere.example"}, "mallory@elsewhere.example"),
            ({"email": "not an address"}, GUEST.lower()),
            ({}, GUEST.lower()),
        ],
    )
    def test_a_guests_own_address_goes_before_the_name_he_has_with_us(
        self, changes: dict[str, str], email: str
    ) -> None:
        assert one(grid(claims=CLAIMS | {UPN: GUEST} | changes)).caller.email == email

    def test_a_guests_own_address_may_be_the_records(self) -> None:
        told = log(claims=CLAIMS | {UPN: GUEST}, caller="mallory@elsewhere.example")
        assert one(told).caller.email == "mallory@elsewhere.example"

    def test_a_members_user_name_goes_before_any_other_address(self) -> None:
        claims = CLAIMS | {"email": "someone@elsewhere.example"}
        assert one(grid(claims=claims)).caller.email == "alice@contoso.com"

    @pytest.mark.parametrize("client", KNOWN_CLIENTS, ids=lambda client: client.name)
    def test_a_service_of_microsoft_that_starts_vms_is_called_by_its_name(self, client: KnownClient) -> None:
        claims = {"appid": client.app_id.upper(), "idtyp": "app", OID: "oid-1"}
        caller = one(grid(claims=claims, authorization=None)).caller
        assert caller.label == caller.client_app == client.name

    def test_a_persons_label_is_never_that_of_the_application_they_use(self) -> None:
        assert (
            one(grid(claims={"appid": AZURE_CLI, "idtyp": "user"}, authorization=USER)).caller.label
            == f"user {AZURE_CLI}"
        )

    def test_what_is_no_address_is_never_taken_for_one(self) -> None:
        assert one(grid(claims={UPN: "alice"})).caller.email == ""

    @pytest.mark.parametrize(
        "claims", ["", "{", "[]", "null", 7, [], True, {"name": 7, UPN: None}, "[" * 100_000]
    )
    def test_odd_claims_leave_the_caller_unknown_and_lose_no_start(self, claims: object) -> None:
        caller = one(grid(claims=claims, authorization=None)).caller
        assert caller.kind is CallerKind.UNKNOWN

    def test_long_texts_are_cut(self) -> None:
        caller = one(grid(claims=CLAIMS | {"name": "x" * 5000})).caller
        assert len(caller.name) == 300

    @pytest.mark.parametrize(
        "authorization", [None, 7, "x", {}, {"evidence": None}, {"evidence": {"role": ""}}]
    )
    def test_without_evidence_no_right_is_claimed(self, authorization: object) -> None:
        assert one(grid(authorization=authorization)).access is None


GUID = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"


class TestNames:
    @pytest.mark.parametrize("kind", CallerKind)
    @pytest.mark.parametrize("field", ["app_id", "object_id", "name"])
    def test_an_id_never_stands_alone(self, kind: CallerKind, field: str) -> None:
        label = Caller.model_validate({"kind": kind, field: GUID}).label
        assert label.endswith(GUID)
        assert label.removesuffix(GUID) in {"caller ", f"{kind} "}

    @pytest.mark.parametrize("field", ["app_id", "object_id"])
    def test_an_application_is_called_as_the_policy_says(self, field: str) -> None:
        given = Caller.model_validate({"kind": CallerKind.SERVICE_PRINCIPAL, field: GUID.upper()})
        assert given.called({GUID: "nightly builds"}).label == "nightly builds"
        assert given.called({OTHER: "nightly builds"}) is given

    def test_a_person_keeps_the_own_name_and_only_the_client_is_called_so(self) -> None:
        person = Caller(kind=CallerKind.USER, name="Alice", email="alice@contoso.com", app_id=GUID)
        assert person.called({GUID: "our portal"}).label == "Alice"
        assert person.called({GUID: "our portal"}).client_app == "our portal"

    def test_a_managed_identity_is_called_like_its_resource(self) -> None:
        claims = {"appid": GUID, "xms_mirid": "/subscriptions/s/x/userAssignedIdentities/nightly"}
        caller = one(grid(claims=claims, authorization=None)).caller
        assert (caller.kind, caller.label) == (CallerKind.MANAGED_IDENTITY, "nightly")
