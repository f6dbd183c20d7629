"""The one command of the Azure CLI that azure-identity runs, for whoever ``SANDBOX_AZ_WHO`` names.

``az account get-access-token --output json --resource RESOURCE [--tenant TENANT]`` prints the token; where
nobody has signed in, it says so and exits with 1.
Source: https://learn.microsoft.com/cli/azure/account#az-account-get-access-token
"""

import argparse
import json
import os
import stat
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


def install(directory: Path) -> Path:
    """Put an ``az`` there; whoever wants it has the directory in front of ``PATH``."""
    az = directory / "az"
    az.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "$@"\n', encoding="utf-8")
    az.chmod(az.stat().st_mode | stat.S_IXUSR)
    return az


def main() -> int:
    """Print a token; returns the exit status."""
    parser = argparse.ArgumentParser(prog="az")
    parser.add_argument("words", nargs=2, metavar="account get-access-token")
    parser.add_argument("--output", choices=["json"])
    parser.add_argument("--resource", required=True)
    parser.add_argument("--tenant", default="")
    given = parser.parse_args()
    who = os.environ.get("SANDBOX_AZ_WHO")
    if not who:
        print("ERROR: Please run 'az login' to setup account.", file=sys.stderr)
        return 1
    body = json.dumps({"who": who, "resource": given.resource}).encode()
    request = urllib.request.Request(f"{os.environ['SANDBOX_ENTRA']}/_token", data=body)  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        print(f"ERROR: AADSTS500011: {error.read().decode()}", file=sys.stderr)
        return 1
    expires = int(time.time()) + 3600
    print(json.dumps({**told, "expires_on": expires, "subscription": "", "tokenType": "Bearer"}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
