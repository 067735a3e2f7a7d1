"""`degnode bench`: what this machine does with messages."""

from __future__ import annotations

import typer

bench = typer.Typer(help="Measure the way in and the way out.", no_args_is_help=True)


@bench.command()
def receive() -> None:
    """Signed confirms against a running BPP."""
