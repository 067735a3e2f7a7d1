"""`degnode meter validate`, `findings`, `day`, `estimate` and `edit`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import typer

from bpp.api.meter_views import Way
from bpp.api.validation_views import (
    DayStateView,
    FindingView,
    GapView,
    VerdictView,
    view_gap,
    view_state,
    view_stored,
    view_verdict,
)
from bpp.meters.decisions import decide_estimate, decide_reading
from degnode.actor import operator
from degnode.commands.instants import read_instant
from degnode.commands.meter_place import MeterPlace
from degnode.commands.meter_readings import read_date
from degnode.commands.meter_registry import Meter
from degnode.commands.place import Desk, at_a_place
from degnode.commands.reasons import Why
from degnode.printing import AsJson, print_json, print_table
from metering.vee.checks import findings_of
from metering.vee.days import LocalDate
from metering.vee.edit import Edited, EditWish
from metering.vee.estimate import EstimateWish
from metering.vee.meant import find_days, find_meter
from metering.vee.points import Point
from metering.vee.state import day_state
from metering.vee.validation import validate_day

First = Annotated[date, typer.Option("--from", parser=read_date, help="The first local day.")]
Last = Annotated[date, typer.Option("--to", parser=read_date, help="The last local day.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class VeeDaysPlace(MeterPlace):
    """Which node, and in which zone the days are."""

    zone: Annotated[str | None, typer.Option(help="By default the registered one, else UTC.")] = None

    async def days(
        self, desk: Desk, meter: str, first: date, last: date
    ) -> tuple[Point, Sequence[LocalDate]]:
        """Return the meter and the local days that are meant. Raises: what `find_days` raises."""
        return await find_days(desk.uow.connection, self.name(meter), first=first, last=last, zone=self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatePlace(VeeDaysPlace):
    """Which node, and how gaps are to be filled."""

    again: Annotated[bool, typer.Option("--again", help="Fill anew what was estimated before.")] = False
    holidays: Annotated[
        list[date] | None,
        typer.Option("--holiday", parser=read_date, help="A day used like a Sunday; once for each."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPlace(MeterPlace):
    """Which node, and which of the meter's readings."""

    direction: Annotated[Way, typer.Option(help="Which way the energy flows.")] = Way.IMPORT
    register: Annotated[str | None, typer.Option(help="The register's mRID, where several answer.")] = None
    is_new: Annotated[bool, typer.Option("--new", help="There is no reading of exactly that time yet.")] = (
        False
    )


@at_a_place
def validate(meter: Meter, *, first: First, last: Last, as_json: AsJson = False, place: VeeDaysPlace) -> None:
    """Validate a meter's days now, whatever is due."""
    verdicts = asyncio.run(_validate(meter, first, last, place))
    if as_json:
        print_json(verdicts)
        return
    _print_findings([finding for verdict in verdicts for finding in verdict.findings])
    known = sum(not verdict.new for verdict in verdicts)
    print(f"{len(verdicts)} verdict(s), {known} of them on record already.")


@at_a_place
def findings(meter: Meter, *, first: First, last: Last, as_json: AsJson = False, place: MeterPlace) -> None:
    """List what validation ever found of a meter's days."""
    views = asyncio.run(_findings(meter, first, last, place))
    if as_json:
        print_json(views)
    else:
        _print_findings(views)


@at_a_place
def day(
    meter: Meter,
    on: Annotated[date, typer.Argument(metavar="DAY", parser=read_date, help="Like 2026-03-14.")],
    *,
    direction: Annotated[Way, typer.Option(help="Which way the energy flows.")] = Way.IMPORT,
    as_json: AsJson = False,
    place: VeeDaysPlace,
) -> None:
    """Say how good a day is: FINAL, PROVISIONAL or INCOMPLETE."""
    view = asyncio.run(_day(meter, on, direction, place))
    if as_json:
        print_json([view])
        return
    print(
        f"{view.day} {view.direction.value}: {view.state}, {view.watt_hours} Wh, "
        f"{view.estimated_percent} % estimated, {view.missing_seconds} s missing, "
        f"{view.doubted_seconds} s doubted, {'' if view.validated else 'not '}validated"
    )


@at_a_place
def estimate(
    meter: Meter, *, first: First, last: Last, why: Why, as_json: AsJson = False, place: EstimatePlace
) -> None:
    """Fill the gaps of a meter's days; an actual that comes later takes the place of an estimate."""
    gaps = asyncio.run(_estimate(meter, first, last, why, place))
    if as_json:
        print_json(gaps)
        return
    print_table(
        f"Gaps of {meter}",
        ("direction", "from", "to", "method", "Wh", "register decided", "left because"),
        [
            (
                gap.direction.value,
                gap.start,
                gap.end,
                gap.method,
                sum(gap.watt_hours) if gap.method else None,
                "yes" if gap.bounded else None,
                gap.refusal,
            )
            for gap in gaps
        ],
    )


@at_a_place
def edit(
    meter: Meter,
    watt_hours: Annotated[int, typer.Argument(metavar="WH", min=0, help="What is to stand.")],
    *,
    start: Annotated[datetime, typer.Option("--from", parser=read_instant, help="Start of the interval.")],
    end: Annotated[
        datetime, typer.Option("--to", parser=read_instant, help="Its end; the same for a register's stand.")
    ],
    why: Why,
    place: EditPlace,
) -> None:
    """Put another value in the place of a reading; what stood there stays on record."""
    done = asyncio.run(_edit(meter, watt_hours, (start, end), why, place))
    quality = f" ({', '.join(done.quality_before)})" if done.quality_before else ""
    before = "nothing" if done.before is None else f"{done.before} Wh{quality}"
    print(f"Register {done.register}: {before} before, {done.after} Wh (edited) now.")


async def _validate(meter: str, first: date, last: date, place: VeeDaysPlace) -> list[VerdictView]:
    async with place.desk() as desk:
        point, days = await place.days(desk, meter, first, last)
        return [
            view_verdict(verdict)
            for day_ in days
            for verdict in await validate_day(desk.uow.connection, point=point, day=day_, now=desk.now)
        ]


async def _findings(meter: str, first: date, last: date, place: MeterPlace) -> list[FindingView]:
    async with place.desk() as desk:
        point, _ = await find_days(desk.uow.connection, place.name(meter), first=first, last=last)
        found = await findings_of(desk.uow.connection, usage_point_id=point.id, first=first, last=last)
    return [view_stored(item) for item in found]


async def _day(meter: str, on: date, way: Way, place: VeeDaysPlace) -> DayStateView:
    async with place.desk() as desk:
        point, (local,) = await place.days(desk, meter, on, on)
        state = await day_state(
            desk.uow.connection, point=point, direction=way.direction, day=local, now=desk.now
        )
    return view_state(state, day=local, way=way)


async def _estimate(meter: str, first: date, last: date, why: str, place: EstimatePlace) -> list[GapView]:
    gaps = []
    async with place.desk() as desk:
        point, days = await place.days(desk, meter, first, last)
        for local in days:
            wish = EstimateWish(
                point=point, day=local, again=place.again, holidays=frozenset(place.holidays or ())
            )
            gaps += await decide_estimate(desk.uow, wish, by=operator(), why=why, now=desk.now)
    return [view_gap(gap) for gap in gaps]


async def _edit(
    meter: str, watt_hours: int, period: tuple[datetime, datetime], why: str, place: EditPlace
) -> Edited:
    start, end = period
    async with place.desk() as desk:
        wish = EditWish(
            point=await find_meter(desk.uow.connection, place.name(meter), start=start, end=end),
            direction=place.direction.direction,
            start=start,
            end=end,
            watt_hours=watt_hours,
            who="",
            why=why,
            register=place.register,
            is_new=place.is_new,
        )
        return await decide_reading(desk.uow, wish, by=operator(), now=desk.now)


def _print_findings(views: Sequence[FindingView]) -> None:
    if not views:
        print("Nothing was found.")
        return
    print_table(
        "Findings",
        ("day", "direction", "rule", "severity", "from", "to", "what", "still so"),
        [
            (
                view.day,
                view.direction.value,
                view.rule,
                view.severity.value,
                view.start,
                view.end,
                view.sentence,
                "yes" if view.current else "no",
            )
            for view in views
        ],
    )
