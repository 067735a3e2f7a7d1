"""`degnode keys`: signing keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from node.signing_key import make_signing_key
from protocol.keys import write_public_key

_DEFAULT_FILE: Final = Path("signing.key")

keys = typer.Typer(help="Signing keys.", no_args_is_help=True)


@keys.callback()
def _keys() -> None:
    """Signing keys."""


@keys.command()
def new(
    out: Annotated[Path, typer.Option(dir_okay=False, help="Where the secret goes.")] = _DEFAULT_FILE,
) -> None:
    """Make a signing key: its secret into a file for you alone, its public key onto the screen.

    A file that is there already is left as it is, and the command ends with status 1.
    """
    print(write_public_key(make_signing_key(out).public_key))
