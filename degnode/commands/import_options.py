"""How files of readings are to be read: the options of `degnode meter import`, and what they choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from degnode.commands.lengths import read_length
from degnode.commands.place import Place
from metering.energy import Direction
from metering.registration.record import MeterIdentity
from metering.sources.csv_layout import CsvOptions
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

_DIRECTIONS: Final = {"import": Direction.IMPORT, "export": Direction.EXPORT}


def read_column(text: str) -> tuple[str, str]:
    """Return a field and its heading from `field=heading`. Raises: typer.BadParameter."""
    name, equals, heading = text.partition("=")
    if not equals or not heading:
        raise typer.BadParameter(f"{text!r} is not like kwh=Usage")
    return name.strip(), heading.strip()


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
        list[str] | None,
        typer.Option("--column", help="CSV: the heading of a field, like kwh=Usage; once for each."),
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
        str | None, typer.Option("--direction", help="CSV: import or export, if no column says it.")
    ] = None
    interval: Annotated[
        timedelta | None,
        typer.Option("--interval", parser=read_length, help="CSV and OCPP: how long an interval is: 15m."),
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
    """Return what reads files of a form as the operator said. Raises: typer.BadParameter."""
    by_mrid = naming(names, meter_by_mrid)
    seconds = None if place.interval is None else int(place.interval.total_seconds())
    if form is Form.SEP:
        return SepSource()
    if form is Form.ESPI:
        return EspiSource(meter=place.meter_name, name_of=by_mrid)
    if form is Form.OCPP:
        by_connector = naming(names, meter_of_connector)
        options = OcppOptions(station=place.station, interval_seconds=seconds, name_of=by_connector)
        return OcppSource(options)
    if form is Form.SIGNED:
        return SignedSource(find_key=keys.find, now=now, name_of=by_mrid)
    return CsvSource(
        CsvOptions(
            columns=dict(map(read_column, place.column or ())),
            zone=place.zone,
            decimal_comma=place.decimal_comma,
            meter=place.meter_name,
            direction=_direction(place.direction),
            seconds=seconds,
            name_of=by_mrid,
        )
    )


def _direction(text: str | None) -> Direction | None:
    if text is not None and text not in _DIRECTIONS:
        raise typer.BadParameter(f"{text!r} is neither import nor export")
    return None if text is None else _DIRECTIONS[text]
