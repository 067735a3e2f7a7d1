"""`degnode meter rules` and `rule`: by which rules a meter's days are validated."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import typer

from bpp.api.validation_views import (
    RuleView,
    view_rule,
)
from bpp.meters.decisions import decide_rule
from degnode.actor import operator
from degnode.commands.meter_place import MeterPlace
from degnode.commands.meter_readings import read_date
from degnode.commands.meter_registry import Meter
from degnode.commands.place import at_a_place
from degnode.commands.reasons import Why
from degnode.printing import AsJson, print_json, print_table
from metering.vee.finding import Severity
from metering.vee.meant import find_days
from metering.vee.parameters import RuleChange, parameters_for


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlace(MeterPlace):
    """Which node, and what is said of the rule."""

    meter: Annotated[str | None, typer.Option(help="Only for this one; by default for every meter.")] = None
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=NUMBER", help="A parameter; once for each.")
    ] = None
    severity: Annotated[Severity | None, typer.Option(help="How much a finding matters.")] = None
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Whether the rule is asked.")] = None
    until: Annotated[
        date | None, typer.Option(parser=read_date, help="The first day on which it counts no more.")
    ] = None


@at_a_place
def rules(
    meter: Meter,
    *,
    on: Annotated[date, typer.Option("--on", parser=read_date, help="The local day.")],
    as_json: AsJson = False,
    place: MeterPlace,
) -> None:
    """List the rules as they count for a meter's day."""
    views = asyncio.run(_rules(meter, on, place))
    if as_json:
        print_json(views)
        return
    print_table(
        f"Rules for {meter} on {on}",
        ("rule", "severity", "parameters", "what it says"),
        [
            (
                view.rule,
                view.severity.value if view.enabled else "off",
                " ".join(f"{name}={value}" for name, value in view.settings.items()),
                view.meaning,
            )
            for view in views
        ],
    )


@at_a_place
def rule(
    code: Annotated[str, typer.Argument(metavar="RULE", help="As `meter rules` shows it.")],
    *,
    valid_from: Annotated[date, typer.Option("--from", parser=read_date, help="The first day it counts.")],
    why: Why,
    place: RulePlace,
) -> None:
    """Say how a rule counts from a day on; what was said before counts for the days before."""
    asyncio.run(_rule(code, valid_from, why, place))
    print(f"{code} counts so from {valid_from} on, for {place.meter or 'every meter'}.")


async def _rules(meter: str, on: date, place: MeterPlace) -> list[RuleView]:
    async with place.desk() as desk:
        point, _ = await find_days(desk.uow.connection, place.name(meter), first=on, last=on)
        found = await parameters_for(desk.uow.connection, usage_point_id=point.id, day=on)
    return [view_rule(item) for item in found.values()]


async def _rule(code: str, valid_from: date, why: str, place: RulePlace) -> None:
    change = RuleChange(
        rule=code,
        valid_from=valid_from,
        valid_until=place.until,
        enabled=place.enabled,
        severity=place.severity,
        settings=dict(_read_setting(text) for text in place.set_ or ()),
        who="",
        why=why,
    )
    async with place.desk() as desk:
        point = None
        if place.meter is not None:
            name = place.name(place.meter)
            point, _ = await find_days(desk.uow.connection, name, first=valid_from, last=valid_from)
        await decide_rule(desk.uow, change, point=point, by=operator(), now=desk.now)


def _read_setting(text: str) -> tuple[str, int]:
    """Return the name and the number of `name=number`. Raises: typer.BadParameter."""
    name, equals, number = text.partition("=")
    if not equals or not number.isdecimal():
        raise typer.BadParameter(f"{text!r} is not like tolerance_percent=180")
    return name.strip(), int(number)
