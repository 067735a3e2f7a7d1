"""`degnode simulate`: a realistic world to try things on."""

from __future__ import annotations

import typer

simulate = typer.Typer(help="A realistic world to try things on.", no_args_is_help=True)
