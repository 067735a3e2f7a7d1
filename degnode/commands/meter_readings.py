"""`degnode meter readings` and `days`: a meter's energy read back, and how complete its days are."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from bpp.api.meter_views import Way, read_window, write_row
from degnode.commands.instants import read_instant
from degnode.commands.meter_registry import Meter
from degnode.commands.place import Place, at_a_place
from degnode.node_database import node_database
from degnode.printing import print_table
from kernel.clock import SystemClock
from kernel.local_days import ZoneUnknown, days_between
from metering.completeness import DayCompleteness, completeness
from metering.exports.csv_form import write_csv
from metering.exports.pages import Asked, Row, begun, read_rows
from metering.exports.parquet_form import check_parquet, write_parquet
from metering.registration.resolver import find_registration, resolve_meter
from storage.unit_of_work import UnitOfWorkFactory


class FileForm(StrEnum):
    """In which form readings are written."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsPlace(Place):
    """Which node, and where the readings go."""

    direction: Annotated[Way, typer.Option(help="Which way the energy flows.")] = Way.IMPORT
    as_of: Annotated[
        datetime | None, typer.Option(parser=read_instant, help="As was known then; by default now.")
    ] = None
    form: Annotated[FileForm, typer.Option("--format", help="JSON has one object a line.")] = FileForm.CSV
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file to write; by default it is printed.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysPlace(Place):
    """Which node, and whose days."""

    direction: Annotated[Way, typer.Option(help="Which way the energy flows.")] = Way.IMPORT
    zone: Annotated[str | None, typer.Option(help="By default the registered one, else UTC.")] = None


def read_date(text: str) -> date:
    """Return the date that `text` says. Raises: typer.BadParameter."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date like 2026-03-14") from error


@at_a_place
def readings(
    meter: Meter,
    *,
    start: Annotated[datetime, typer.Option("--from", parser=read_instant, help="First instant.")],
    end: Annotated[datetime, typer.Option("--to", parser=read_instant, help="First instant no more.")],
    place: ReadingsPlace,
) -> None:
    """Read a meter's energy back, interval by interval."""
    if place.form is FileForm.PARQUET:
        check_parquet()
        if place.output is None:
            raise typer.BadParameter("Parquet is no text: say --output FILE")
    asked = Asked(
        meter=meter,
        direction=place.direction.direction,
        window=read_window(start, end),
        as_of=place.as_of or SystemClock().now(),
    )
    asyncio.run(_write(asked, place))


@at_a_place
def days(
    meter: Meter,
    *,
    first: Annotated[date, typer.Option("--from", parser=read_date, help="The first local day.")],
    last: Annotated[date, typer.Option("--to", parser=read_date, help="The last local day.")],
    place: DaysPlace,
) -> None:
    """Show how many intervals of each local day are measured, estimated and missing."""
    found = asyncio.run(_days(meter, first, last, place))
    print_table(
        f"Days of {meter}",
        ("day", "expected", "measured", "estimated", "missing", "interval s"),
        [
            (item.day.date, item.expected, item.measured, item.estimated, item.missing, item.interval_seconds)
            for item in found
        ],
    )


async def _write(asked: Asked, place: ReadingsPlace) -> None:
    """Write to the file when all is there: one that was broken off never bears its name."""
    async with node_database(place.role, place.data_dir, place.database_url) as database:
        rows = await begun(read_rows(UnitOfWorkFactory(database), asked))
        if place.output is None:
            await _pour(rows, place.form, sys.stdout.buffer)
            return
        unfinished = place.output.with_name(f"{place.output.name}.part")
        with unfinished.open("wb") as file:
            await _pour(rows, place.form, file)
        unfinished.replace(place.output)


async def _pour(rows: AsyncIterator[Sequence[Row]], form: FileForm, file: BinaryIO) -> None:
    async for chunk in _FORMS[form](rows):
        file.write(chunk)
    file.flush()


async def _write_lines(pages: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
    async for rows in pages:
        yield "".join(f"{json.dumps(write_row(row))}\n" for row in rows).encode()


_FORMS = {FileForm.CSV: write_csv, FileForm.JSON: _write_lines, FileForm.PARQUET: write_parquet}


async def _days(meter: str, first: date, last: date, place: DaysPlace) -> list[DayCompleteness]:
    async with place.desk() as desk:
        connection = desk.uow.connection
        zone = place.zone
        if zone is None:
            said = await find_registration(
                connection, await resolve_meter(connection, meter, at=desk.now), at=desk.now
            )
            zone = (said.terms.zone if said else None) or "UTC"
        try:
            wanted = days_between(first, last, zone=zone)
        except ZoneUnknown as error:
            raise typer.BadParameter(str(error)) from error
        return await completeness(connection, meter=meter, days=wanted, direction=place.direction.direction)
