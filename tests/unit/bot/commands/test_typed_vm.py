"""However a VM is typed or pasted, it is the VM; the rest is the reason as it was typed."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.typed_vm import typed_vm
from workers.runtime.cloud import Cloud

ID = (
    "/subscriptions/5b5a0000-0000-4000-8000-00000000000a/resourceGroups/rg-shop/providers/Microsoft.Compute"
    "/virtualMachines/web-02"
)
PORTAL = f"https://portal.azure.com/#@contoso.example/resource{ID}/overview"
BLADE = (
    "https://portal.azure.com/#blade/Microsoft_Azure_Compute/VirtualMachineInstancesMenuBlade/Overview"
    f"/instanceId/{quote(ID, safe='')}"
)


@pytest.mark.parametrize(
    ("text", "vm"),
    [
        ("web-02", "web-02"),
        ("`web-02`", "web-02"),
        ("```web-02```", "web-02"),
        ("*web-02*", "web-02"),
        ("_web-02_", "web-02"),
        ("~web-02~", "web-02"),
        ("*`web-02`*", "web-02"),
        ('"web-02"', "web-02"),
        ("'web-02'", "web-02"),
        ("\u201cweb-02\u201d", "web-02"),
        ("\u201eweb-02\u201c", "web-02"),
        ("\u2018web-02\u2019", "web-02"),
        ("\u00abweb-02\u00bb", "web-02"),
        ("web-02:", "web-02"),
        ("web-02,", "web-02"),
        ("web\u201302", "web-02"),
        ("web\u201002", "web-02"),
        ("web\u221202", "web-02"),
        ("web\u201402", "web--02"),
        ("\u200bweb-\u200b02\ufeff", "web-02"),
        ("WEB-02", "WEB-02"),
        ("web_02_", "web_02_"),
        ("<http://web.prod|web.prod>", "web.prod"),
        ("<http://web-02|web-02>", "web-02"),
        ("*<http://web.prod|web.prod>*", "web.prod"),
        ("`<http://web.prod|web.prod>`,", "web.prod"),
        ("<http://web-02>", "web-02"),
        ("http://web-02/", "web-02"),
        ("rg-shop/web-02", "rg-shop/web-02"),
        ("`rg\u2013shop/web\u201302`", "rg-shop/web-02"),
        (ID, ID),
        (ID.upper(), ID.upper()),
        (PORTAL, ID),
        (f"<{PORTAL}>", ID),
        (f"<{PORTAL}|{PORTAL}>", ID),
        (BLADE, ID),
        (f"<{BLADE}?feature.x=1&amp;y=2>", ID),
        *((PORTAL.replace("https://portal.azure.com", cloud.places.portal), ID) for cloud in Cloud),
        *((BLADE.replace("https://portal.azure.com", cloud.places.portal), ID) for cloud in Cloud),
        ("", ""),
        ("``", ""),
        ("<>", ""),
    ],
)
@pytest.mark.parametrize(
    ("between", "reason"),
    [
        ("", ""),
        (" ", "odd \u201coutbound\u201d  traffic \u2013 *now*"),
        ("\u00a0", "odd"),
        ("\n", "odd\ntraffic"),
        (" \u2003\t ", "odd"),
    ],
)
def test_every_way_to_write_a_vm_means_it(text: str, vm: str, between: str, reason: str) -> None:
    if not text and between:
        return
    assert typed_vm(f"  {text}{between}{reason} ") == (vm, reason)


def test_a_link_means_what_is_read_on_it() -> None:
    """Who pastes a link sees its words, not where it leads."""
    assert typed_vm(f"<{PORTAL}|db-01> odd").vm == "db-01"


@given(st.text(max_size=300))
def test_whatever_is_typed_is_taken_apart_without_an_error(text: str) -> None:
    vm, rest = typed_vm(text)
    assert vm == vm.strip()
    assert rest == rest.strip()
    assert rest in text


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}[A-Za-z0-9_]", fullmatch=True))
def test_a_name_that_azure_allows_stays_as_it_is(name: str) -> None:
    assert typed_vm(f"{name} reason") == (name, "reason")
    assert typed_vm(f"`{name}`") == (name, "")
