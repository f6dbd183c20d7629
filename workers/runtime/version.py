"""``--version`` of both command lines."""

from importlib import metadata
from typing import Annotated

import typer


def _told(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(f"startgate {metadata.version('startgate')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_told, is_eager=True, help="Print the version and exit.")
]
"""An option of a command line."""
