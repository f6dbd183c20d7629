"""Who started a VM and by which right, as far as an event tells it."""

import json

import pytest

from tests.unit.consumers.start_tellings import CLAIMS, METHODS, OID, UPN, grid, log, one
from workers.consumers.claims import caller_from
from workers.domain.starts.events import CallerKind


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
            ("203.0.113.999", ""),
            ("evil.example:80", ""),
            ("", ""),
        ],
    )
    def test_an_address_loses_its_port_and_anything_else_is_left_out(self, text: str, address: str) -> None:
        assert caller_from({}, None, caller="", ip=text).ip == address
        assert caller_from({"ipaddr": text}, None, caller="", ip="").ip == address

    def test_the_tokens_address_goes_before_the_requests(self) -> None:
        assert one(grid(claims={})).caller.ip == "198.51.100.1"

    def test_the_record_names_the_caller_where_there_are_no_claims(self) -> None:
        assert one(log(claims=None, authorization=None)).caller.email == "alice@contoso.com"
        nobody = one(log(claims=None, authorization=None, caller="33333333-aaaa")).caller
        assert (nobody.kind, nobody.email, nobody.object_id) == (CallerKind.UNKNOWN, "", "33333333-aaaa")

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
