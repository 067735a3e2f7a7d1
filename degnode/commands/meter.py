"""`degnode meter`: meters registered, listed, shown; readings imported."""

from __future__ import annotations

import typer

from degnode.commands.meter_feeds import feeds
from degnode.commands.meter_import import import_readings
from degnode.commands.meter_readings import days, readings
from degnode.commands.meter_registry import exchange, list_meters, register, show
from degnode.commands.meter_vee import day, edit, estimate, findings, rule, rules, validate

meter = typer.Typer(help="Meters and their readings.", no_args_is_help=True)
meter.command()(register)
meter.command("list")(list_meters)
meter.command()(show)
meter.command()(exchange)
meter.command()(readings)
meter.command()(days)
meter.command("import")(import_readings)
meter.command()(feeds)
meter.command()(validate)
meter.command()(findings)
meter.command()(day)
meter.command()(estimate)
meter.command()(edit)
meter.command()(rules)
meter.command()(rule)
