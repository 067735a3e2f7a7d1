"""`degnode meter`: meters registered, listed, shown; readings imported."""

from __future__ import annotations

import typer

from degnode.commands.meter_import import import_readings

meter = typer.Typer(help="Meters and their readings.", no_args_is_help=True)
meter.command("import")(import_readings)
