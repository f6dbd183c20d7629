"""Public SSH keys as people give them: checked before Azure sees them, so that a private one never leaves.

Azure takes RSA keys of 2048 bits and more, and ED25519 keys.
Source: https://learn.microsoft.com/azure/virtual-machines/linux/mac-create-ssh-keys#supported-ssh-key-formats
"""

import base64
import binascii

_KINDS = ("ssh-rsa", "ssh-ed25519")
_FEWEST_BITS = 2048
_LENGTH = 4
"""Bytes of the length before each part of a key: RFC 4253, section 6.6."""


def checked(text: str) -> str:
    """A public key in OpenSSH's format, in one line.

    Raises:
        ValueError: it is none that Azure takes; says the remedy, and never repeats the text.
    """
    if "PRIVATE KEY" in text:
        raise ValueError("this is a private key; give the public one, which ends in .pub, and keep this one")
    words = text.split()
    if len(words) < 2 or "\n" in text.strip():  # noqa: PLR2004 - kind and key
        raise ValueError("not one public key; write it in one line: ssh-ed25519 AAAA… comment")
    kind, key, *comment = words
    if kind not in _KINDS:
        raise ValueError(
            f"{kind[:40]!r} is a kind of key that Azure does not take; use {' or '.join(_KINDS)}"
        )
    try:
        parts = _parts(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        parts = []
    if not parts or parts[0] != kind.encode():
        raise ValueError("the key is damaged; copy the whole line of the .pub file")
    if kind == "ssh-rsa" and (len(parts) < 3 or _bits(parts[2]) < _FEWEST_BITS):  # noqa: PLR2004 - kind, e, n
        raise ValueError(f"an RSA key needs {_FEWEST_BITS} bits; make another one, or an ED25519 key")
    return " ".join((kind, key, *comment))


def _parts(blob: bytes) -> list[bytes]:
    parts = []
    while blob:
        length = int.from_bytes(blob[:_LENGTH], "big")
        part, blob = blob[_LENGTH : _LENGTH + length], blob[_LENGTH + length :]
        if len(part) < length or not length:
            raise ValueError("cut short")
        parts.append(part)
    return parts


def _bits(number: bytes) -> int:
    return int.from_bytes(number, "big").bit_length()
