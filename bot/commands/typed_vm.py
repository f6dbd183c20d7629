"""The VM that somebody typed or pasted after a command, however it is wrapped, and what follows it.

Names come with Markdown around them, with the quotes and dashes that phones, Macs and formatted pages put in,
as links that Slack makes of anything with a dot, or as an address of the Azure portal.
Source: https://docs.slack.dev/interactivity/implementing-slash-commands
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

_WRAPPING = "`*~\"'\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a"
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_AFTER = ",:;.!?"
"""No name of a VM ends in one of these."""
_DASHES = {ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2015\u2212\ufe58\ufe63\uff0d"} | {
    ord("\u2014"): "--"  # what a Mac makes of two
}
_FIRST = re.compile(rf"[{re.escape(_WRAPPING)}_]*<[^<>]*>\S*|\S+")
_LINK = re.compile(r"<(?P<url>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")
_VM_ID = re.compile(
    r"/subscriptions/[^/?#&\s]+/resourceGroups/[^/?#&\s]+/providers/Microsoft\.(?:Classic)?Compute"
    r"/virtualMachines/[^/?#&\s]+",
    re.IGNORECASE,
)
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_TIMES_QUOTED = 3
"""How often an address may be quoted within an address."""


class TypedVm(NamedTuple):
    """A name, ``group/name`` or a resource id; and the rest of what was typed."""

    vm: str
    rest: str


def typed_vm(text: str) -> TypedVm:
    """Take what follows a command apart. Only the VM is rid of decoration; the rest stays as it was typed."""
    text = text.strip()
    first = _FIRST.match(text)
    if first is None:
        return TypedVm("", "")
    return TypedVm(_bare(first[0]), text[first.end() :].strip())


def _bare(token: str) -> str:
    """The token without what is around it and what stands for something else."""
    before = None
    token = token.translate(_INVISIBLE).translate(_DASHES)
    while token != before:
        before = token
        token = token.strip(_WRAPPING).rstrip(_AFTER)
        if token.startswith("_"):  # no name begins so, but some end so
            token = token.strip("_")
        if link := _LINK.fullmatch(token):
            token = _linked(_unescaped(link["url"]), _unescaped(link["label"] or ""))
    return _of_address(_unescaped(token))


def _linked(url: str, label: str) -> str:
    """What a link stands for: what is read on it, or its address where that is what is read."""
    return label if label and "://" not in label else url


def _of_address(text: str) -> str:
    """The resource id in an address, such as one of the portal; of any other its host, if it is only that."""
    if "://" not in text:
        return text
    address = text
    for _ in range(_TIMES_QUOTED):
        if found := _VM_ID.search(address):
            return found[0]
        address = unquote(address)
    return text.partition("://")[2].rstrip("/")


def _unescaped(text: str) -> str:
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text
