"""``make audit``: asks pip-audit about each lock; it has to reach the service that knows of weaknesses.

Ends with 0 when there is nothing, 1 when there is something, or an exception is out of date, 2 when nobody
could be asked: offline nothing is known, and nothing is said to be fine.
"""

import datetime as dt
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
LOCKS = ("requirements.lock", "deploy/container/requirements.lock")
FOUND, UNKNOWN = 1, 2
LONGEST = dt.timedelta(days=92)
"""An exception is looked at anew each quarter."""


class Excepted(NamedTuple):
    """A weakness that is passed over until a day."""

    id: str
    package: str
    until: dt.date
    reason: str


def excepted(text: str, today: dt.date) -> tuple[list[Excepted], list[str]]:
    """The exceptions of a file, and what is wrong with them, a sentence each.

    Args:
        text: TOML.
        today: for how long they still hold.
    """
    found, wrong = list[Excepted](), list[str]()
    for entry in tomllib.loads(text).get("exception", []):
        missing = [key for key in Excepted._fields if not entry.get(key)]
        if missing:
            wrong.append(f"{entry.get('id', 'an exception')}: {', '.join(missing)} is missing")
            continue
        one = Excepted(**{key: entry[key] for key in Excepted._fields})
        found.append(one)
        if one.until < today:
            wrong.append(f"{one.id} ({one.package}) was accepted until {one.until}: update it, or look anew")
        elif one.until - today > LONGEST:
            wrong.append(f"{one.id} ({one.package}): {one.until} is more than {LONGEST.days} days away")
    return found, wrong


class Verdict(NamedTuple):
    """What came of one lock.

    Attributes:
        found: a line for each weakness.
        unknown: packages that nobody could be asked about.
        asked: how many were asked about.
    """

    found: list[str]
    unknown: list[str]
    asked: int


def verdict(answered: str) -> Verdict:
    """Read what pip-audit answers as JSON; it ends well, too, where it could ask about nothing.

    Raises:
        ValueError: it is not JSON.
    """
    found, unknown, asked = list[str](), list[str](), 0
    for one in json.loads(answered)["dependencies"]:
        if "skip_reason" in one:
            unknown.append(str(one["name"]))
            continue
        asked += 1
        for weakness in one["vulns"]:
            fixed = ", ".join(weakness["fix_versions"]) or "no version yet"
            found.append(f"{one['name']} {one['version']}: {weakness['id']}, mended by {fixed}")
    return Verdict(found, unknown, asked)


def main(tool: str) -> int:
    """Audit each lock with this pip-audit; answers the exit status."""
    today = dt.datetime.now(dt.UTC).date()
    known, wrong = excepted(EXCEPTIONS.read_text(encoding="utf-8"), today)
    for line in wrong:
        print(f"exceptions.toml: {line}")
    worst = FOUND if wrong else 0
    ignored = [part for one in known for part in ("--ignore-vuln", one.id)]
    command = [tool, "--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json", *ignored]
    for lock in LOCKS:
        run = subprocess.run(  # noqa: S603 - our own tool
            [*command, f"--requirement={ROOT / lock}"], capture_output=True, text=True, check=False
        )
        try:
            seen = verdict(run.stdout)
        except ValueError:
            print(
                f"{lock}: nobody could be asked: {(run.stderr.strip() or 'no answer').splitlines()[-1][:300]}"
            )
            worst = worst or UNKNOWN
            continue
        print(f"{lock}: {len(seen.found)} weaknesses, {seen.asked} packages asked about")
        for line in seen.found:
            print(f"  {line}")
        if seen.unknown:
            print(f"  nobody could be asked about {len(seen.unknown)}, such as {seen.unknown[0]}")
        worst = FOUND if seen.found else worst or (UNKNOWN if seen.unknown else 0)
    if worst == UNKNOWN:
        print("The audit has to reach a service that knows of weaknesses: nothing is said to be fine.")
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
