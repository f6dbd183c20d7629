"""The evidence of one story as a zip, and the check of such a zip. Both need nothing but what is in it.

What each part proves is said in the zip's own README.txt, which is the file beside this one.
"""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from workers.domain.containment.exchanges import digest_of as exchange_digest
from workers.store.audit.chain import Entry, digest_of

MANIFEST, SUMS, AUDIT, README_NAME = "manifest.json", "SHA256SUMS", "audit.jsonl", "README.txt"
EXCHANGES = "exchanges/"
LARGEST = 50_000_000
"""Bytes of one file. A larger one in a zip that somebody sends us is not read."""

README = resources.files(__package__).joinpath("README.txt").read_text(encoding="utf-8")

_SNAPSHOT = re.compile(
    r"/subscriptions/[^/\s\"]+/resourceGroups/[^/\s\"]+"
    r"/providers/Microsoft\.Compute/snapshots/[^/\s\"]+",
    re.IGNORECASE,
)


class Made(NamedTuple):
    """A zip that was written. ``digest`` is SHA-256 of its manifest, which vouches for everything in it."""

    digest: str
    files: int
    not_kept: int


def chain_lines(entries: Sequence[Entry], mine: frozenset[str]) -> bytes:
    """The audit from the first record about one of ``mine``; of other records only the digests."""
    lines: list[dict[str, Any]] = []
    for entry in entries:
        shown: dict[str, Any] = {
            "partition": entry.partition,
            "id": entry.id,
            "previous": entry.previous,
            "digest": entry.digest,
        }
        about = _about(entry)
        if about in mine:
            shown["record"] = entry.record
        elif not lines:
            continue
        lines.append(shown)
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def write(to: Path | BinaryIO, files: Mapping[str, bytes], about: Mapping[str, Any]) -> Made:
    """Write the zip with manifest, digests and README.

    Args:
        to: the path of the zip, which is replaced if it is there; or an open file.
        files: name → content.
        about: for the manifest: when and by whom it is made, of what.
    """
    everything = {README_NAME: README.encode(), **files}
    head = next(iter(_lines(everything[AUDIT])[-1:]), {}).get("digest", "")
    named = {digest for _, digest in _named_exchanges(_lines(everything[AUDIT]))}
    here = {
        hashlib.sha256(content).hexdigest() for name, content in files.items() if name.startswith(EXCHANGES)
    }
    manifest = {
        **about,
        "head": head,
        "exchanges_not_kept": sorted(named - here),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(everything.items())},
    }
    everything[MANIFEST] = json.dumps(manifest, indent=2, sort_keys=True).encode()
    digest = hashlib.sha256(everything[MANIFEST]).hexdigest()
    everything[SUMS] = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(everything.items())
    ).encode()
    at = datetime.now(UTC).timetuple()[:6]
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in everything.items():
            info = zipfile.ZipInfo(name, date_time=at)
            info.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(info, content)
    return Made(digest, len(everything), len(named - here))


def snapshots(documents: Sequence[bytes]) -> bytes:
    """The ids of all disk snapshots that these documents name."""
    found = {match for one in documents for match in _SNAPSHOT.findall(one.decode())}
    return json.dumps(sorted(found), indent=2).encode()


class Unreadable(ValueError):
    """It is no zip of ours."""


def check(path: Path, expected: str = "") -> Iterator[str]:
    """Everything that is wrong with a zip, one sentence each; nothing if all is well.

    Args:
        path: of the zip.
        expected: SHA-256 of its manifest, as it was printed when it was made; empty to leave that out.

    Raises:
        Unreadable: it can't be read at all.
    """
    files = _read(path)
    if MANIFEST not in files or AUDIT not in files:
        raise Unreadable(f"{path} has no {MANIFEST} or no {AUDIT}: it was not made by startgate evidence")
    if expected and hashlib.sha256(files[MANIFEST]).hexdigest() != expected.strip().lower():
        yield f"{MANIFEST} is not the one that was made then: its SHA-256 is another"
    try:
        manifest = json.loads(files[MANIFEST])
        listed = {str(name): str(digest) for name, digest in manifest["files"].items()}
        head, missing = str(manifest["head"]), {str(one) for one in manifest["exchanges_not_kept"]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{MANIFEST} can't be read: {type(error).__name__}") from None
    yield from _digests(files, listed)
    lines = _lines(files[AUDIT])
    yield from _chain(lines, head)
    yield from _exchanges(files, lines, missing)


def _read(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as bundle:
            infos = bundle.infolist()
            flaw = _flaw(infos)
            files = {} if flaw else {info.filename: bundle.read(info) for info in infos}
    except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, zlib.error) as error:
        raise Unreadable(f"{path} can't be read, or is damaged: {error}") from None
    if flaw:
        raise Unreadable(f"{path} {flaw}")
    return files


def _flaw(infos: Sequence[zipfile.ZipInfo]) -> str:
    if len({info.filename for info in infos}) < len(infos):
        return "holds two files of one name"
    if any(info.file_size > LARGEST for info in infos):
        return f"holds a file of more than {LARGEST // 1_000_000} MB"
    return ""


def _digests(files: Mapping[str, bytes], listed: Mapping[str, str]) -> Iterator[str]:
    own = {MANIFEST, SUMS}
    for name in sorted(listed.keys() - files.keys()):
        yield f"{name} is missing"
    for name in sorted(files.keys() - listed.keys() - own):
        yield f"{name} was added: {MANIFEST} does not list it"
    for name in sorted(listed.keys() & files.keys()):
        if hashlib.sha256(files[name]).hexdigest() != listed[name]:
            yield f"{name} was changed: its SHA-256 is not that of {MANIFEST}"
    wanted = {**listed, MANIFEST: hashlib.sha256(files[MANIFEST]).hexdigest()}
    sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(wanted.items()))
    if files.get(SUMS, b"").decode(errors="replace") != sums:
        yield f"{SUMS} was changed: it says otherwise than {MANIFEST}"


def _chain(lines: Sequence[Mapping[str, Any]], head: str) -> Iterator[str]:
    last: str | None = None
    for line in lines:
        name = f"the audit's record {line.get('id')}"
        previous, digest = str(line.get("previous")), str(line.get("digest"))
        if "record" in line and digest_of(previous, str(line["record"])) != digest:
            yield f"{name} was changed: its digest is not that of its text"
        if last is not None and previous != last:
            yield f"{name} does not follow the one before: records were left out, put in, or changed"
        last = digest
    if (last or "") != head:
        yield f"the audit does not end with the head that {MANIFEST} names: its end was cut off or changed"


def _exchanges(
    files: Mapping[str, bytes], lines: Sequence[Mapping[str, Any]], not_kept: set[str]
) -> Iterator[str]:
    named = dict(_named_exchanges(lines))
    digests = {digest: name for name, digest in named.items()}
    here: set[str] = set()
    for name in sorted(one for one in files if one.startswith(EXCHANGES)):
        digest = exchange_digest(files[name].decode(errors="replace"))
        here.add(digest)
        if digest not in digests:
            yield f"{name} is not what the audit says was exchanged with Azure"
    for digest, where in sorted(digests.items()):
        if digest not in here and digest not in not_kept:
            yield f"an exchange with Azure is missing that {where} names"


def _named_exchanges(lines: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Where in the audit each exchange is named, and its digest."""
    for line in lines:
        try:
            writes = json.loads(line.get("record", "{}")).get("details", {}).get("writes", [])
            for number, one in enumerate(writes, 1):
                yield f"the audit's record {line.get('id')}, write {number},", str(one["sha256"])
        except (ValueError, TypeError, AttributeError, KeyError):
            continue  # `_chain` says what is wrong with it


def _lines(content: bytes) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in content.decode().splitlines()]
    except ValueError:
        raise Unreadable(f"{AUDIT} can't be read") from None
    if not all(isinstance(line, dict) for line in lines):
        raise Unreadable(f"{AUDIT} holds what is no record")
    return lines


def _about(entry: Entry) -> str:
    try:
        return str(json.loads(entry.record).get("about", ""))
    except (ValueError, AttributeError):
        return ""
