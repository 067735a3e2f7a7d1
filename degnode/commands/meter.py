"""`degnode meter`: meters registered, listed, shown; readings imported."""

from __future__ import annotations

import typer

meter = typer.Typer(help="Meters and their readings.", no_args_is_help=True)
