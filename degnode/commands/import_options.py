"""How files of readings are to be read: the options of `degnode meter import`, and what they choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, NamedTuple
from zoneinfo import ZoneInfo

import typer

from degnode.commands.lengths import read_length
from degnode.commands.place import Place
from metering.energy import Direction
from metering.registration.record import MeterIdentity
from metering.sources.csv_layout import FIELDS, CsvOptions
from metering.sources.csv_source import CsvSource
from metering.sources.detection import Form
from metering.sources.espi_source import EspiSource
from metering.sources.meter_keys import MeterKeys
from metering.sources.naming import meter_by_mrid
from metering.sources.ocpp_source import OcppOptions, OcppSource, meter_of_connector
from metering.sources.ports import MeterSource
from metering.sources.registered_names import naming
from metering.sources.sep_source import SepSource
from metering.sources.signed_source import SignedSource
from metering.timeliness import LONGEST_INTERVAL_SECONDS

_SECOND: Final = timedelta(seconds=1)
_LONGEST_INTERVAL: Final = timedelta(seconds=LONGEST_INTERVAL_SECONDS)
_GREATEST_HORIZON: Final = timedelta(days=36_525)  # a century: no meter's readings are older
_DIRECTIONS: Final = {"import": Direction.IMPORT, "export": Direction.EXPORT}


class Heading(NamedTuple):
    """A field, and what a file calls it."""

    name: str
    heading: str


def read_column(text: str) -> Heading:
    """Return a field and its heading from `field=heading`. Raises: typer.BadParameter."""
    name, equals, heading = text.partition("=")
    if not equals or not heading.strip():
        raise typer.BadParameter(f"{text!r} is not like kwh=Usage")
    if name.strip() not in FIELDS:
        raise typer.BadParameter(f"there is no field {name.strip()!r}: they are {', '.join(FIELDS)}")
    return Heading(name.strip(), heading.strip())


def read_direction(text: str) -> Direction:
    """Return what `import` or `export` says. Raises: typer.BadParameter."""
    if text not in _DIRECTIONS:
        raise typer.BadParameter(f"{text!r} is neither import nor export")
    return _DIRECTIONS[text]


def read_interval(text: str) -> int:
    """Return how long an interval is. Units: s. Raises: typer.BadParameter."""
    length = read_length(text)
    if length % _SECOND or not _SECOND <= length <= _LONGEST_INTERVAL:
        raise typer.BadParameter(
            f"{text!r} is no whole number of seconds up to {_LONGEST_INTERVAL.days} days"
        )
    return length // _SECOND


def read_horizon(text: str) -> timedelta:
    """Return how far back readings count. Raises: typer.BadParameter."""
    length = read_length(text)
    if length > _GREATEST_HORIZON:
        raise typer.BadParameter(f"{text!r} is more than {_GREATEST_HORIZON.days} days")
    return length


def read_zone(text: str) -> ZoneInfo:
    """Return a time zone by its IANA name. Raises: typer.BadParameter."""
    try:
        return ZoneInfo(text)
    except (OSError, ValueError, KeyError) as error:
        raise typer.BadParameter(f"{text!r} is no time zone like Europe/Berlin") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlace(Place):
    """Which node, and how its files are to be read where they do not say so themselves."""

    form: Annotated[
        Form | None, typer.Option("--format", help="The form of the files, if their content does not tell.")
    ] = None
    column: Annotated[
        list[Heading] | None,
        typer.Option(
            "--column",
            parser=read_column,
            metavar="<field=heading>",
            help="CSV: the heading of a field, like kwh=Usage; once for each.",
        ),
    ] = None
    zone: Annotated[
        ZoneInfo | None,
        typer.Option("--zone", parser=read_zone, help="CSV: whose time its times without offset are."),
    ] = None
    decimal_comma: Annotated[
        bool, typer.Option("--decimal-comma", help="CSV: the decimals are behind a comma.")
    ] = False
    meter_name: Annotated[
        str | None, typer.Option("--meter", help="CSV and Green Button: the meter, if the file names none.")
    ] = None
    direction: Annotated[
        Direction | None,
        typer.Option(
            "--direction",
            parser=read_direction,
            metavar="<import|export>",
            help="CSV: import or export, if no column says it.",
        ),
    ] = None
    interval: Annotated[
        int | None,
        typer.Option(
            "--interval",
            parser=read_interval,
            metavar="<length>",
            help="CSV and OCPP: how long an interval is: 15m.",
        ),
    ] = None
    station: Annotated[
        str | None, typer.Option("--station", help="OCPP: the charging station, if no line names it.")
    ] = None
    meter_keys: Annotated[
        Path | None,
        typer.Option(
            "--meter-keys", envvar="DEGNODE_METER_KEYS", help="Signed JSON: the YAML file of meters' keys."
        ),
    ] = None


def source_of(
    form: Form, place: ImportPlace, *, names: Mapping[str, MeterIdentity], keys: MeterKeys, now: datetime
) -> MeterSource:
    """Return what reads files of a form as the operator said."""
    by_mrid = naming(names, meter_by_mrid)
    if form is Form.SEP:
        return SepSource()
    if form is Form.ESPI:
        return EspiSource(meter=place.meter_name, name_of=by_mrid)
    if form is Form.OCPP:
        by_connector = naming(names, meter_of_connector)
        options = OcppOptions(station=place.station, interval_seconds=place.interval, name_of=by_connector)
        return OcppSource(options)
    if form is Form.SIGNED:
        return SignedSource(find_key=keys.find, now=now, name_of=by_mrid)
    return CsvSource(
        CsvOptions(
            columns=dict(place.column or ()),
            zone=place.zone,
            decimal_comma=place.decimal_comma,
            meter=place.meter_name,
            direction=place.direction,
            seconds=place.interval,
            name_of=by_mrid,
        )
    )
