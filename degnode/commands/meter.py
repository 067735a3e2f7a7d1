"""`degnode meter`: meters registered, listed, shown; readings imported."""

from __future__ import annotations

from typing import Final

import typer

from degnode.lazy_commands import LazyCommand, add_lazily

COMMANDS: Final = (
    LazyCommand(
        "register",
        "degnode.commands.meter_registry:register",
        "Say what a meter is, or what has changed of it; what was said before stays on record.",
    ),
    LazyCommand(
        "list",
        "degnode.commands.meter_registry:list_meters",
        "List the registered meters as they are now.",
    ),
    LazyCommand(
        "show",
        "degnode.commands.meter_registry:show",
        "Show all that is known of a meter.",
    ),
    LazyCommand(
        "exchange",
        "degnode.commands.meter_registry:exchange",
        "Say that registers were reset or exchanged, so that no difference of stands spans it.",
    ),
    LazyCommand(
        "readings",
        "degnode.commands.meter_readings:readings",
        "Read a meter's energy back, interval by interval.",
    ),
    LazyCommand(
        "days",
        "degnode.commands.meter_readings:days",
        "Show how many intervals of each local day are measured, estimated and missing.",
    ),
    LazyCommand(
        "import",
        "degnode.commands.meter_import:import_readings",
        "Take readings in from files; the same again changes nothing.",
    ),
    LazyCommand(
        "feeds",
        "degnode.commands.meter_feeds:feeds",
        "List the utility servers that are followed, or the registers of one.",
    ),
    LazyCommand(
        "validate",
        "degnode.commands.meter_vee:validate",
        "Validate a meter's days now, whatever is due.",
    ),
    LazyCommand(
        "findings",
        "degnode.commands.meter_vee:findings",
        "List what validation ever found of a meter's days.",
    ),
    LazyCommand(
        "day",
        "degnode.commands.meter_vee:day",
        "Say how good a day is: FINAL, PROVISIONAL or INCOMPLETE.",
    ),
    LazyCommand(
        "estimate",
        "degnode.commands.meter_vee:estimate",
        "Fill the gaps of a meter's days; an actual that comes later takes the place of an estimate.",
    ),
    LazyCommand(
        "edit",
        "degnode.commands.meter_vee:edit",
        "Put another value in the place of a reading; what stood there stays on record.",
    ),
    LazyCommand(
        "rules",
        "degnode.commands.meter_rules:rules",
        "List the rules as they count for a meter's day.",
    ),
    LazyCommand(
        "rule",
        "degnode.commands.meter_rules:rule",
        "Say how a rule counts from a day on; what was said before counts for the days before.",
    ),
)

meter = typer.Typer(help="Meters and their readings.", no_args_is_help=True)
add_lazily(meter, COMMANDS)
