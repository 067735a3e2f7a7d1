"""`degnode station`: charging stations, how they stand, what they were told, what was charged at them."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Final

import typer
from pydantic import BaseModel
from sqlalchemy import RowMapping

from degnode.commands.place import Place, at_a_place
from degnode.commands.plug_limit import lift, limit
from degnode.printing import AsJson, print_json, print_table
from kernel.clock import format_instant
from stations.chargings import ChargingStore
from stations.command_store import CommandStore, put_command
from stations.connector_store import ConnectorStore
from stations.limits import LimitStore, PowerLimit
from stations.password import PasswordUnfit, hash_password
from stations.port import Verb
from stations.roster import Roster, StationUnknown
from stations.station_file import WebhookStation, load_stations
from stations.webhook.signature import read_secret

_LATEST: Final = 20
_NONE_YET: Final = "There are no stations: DEGNODE_STATIONS names the file of those that there are."

station = typer.Typer(
    help="Charging stations: how they stand, what they were told, what was charged.", no_args_is_help=True
)

station.command()(limit)
station.command()(lift)

StationName = Annotated[str, typer.Argument(help="A station's id in the file of stations.")]


class StationView(BaseModel):
    """A station as programs read it."""

    station_id: str
    protocol: str
    connected_at: datetime | None
    heard_at: datetime | None
    vendor: str | None
    model: str | None
    firmware: str | None
    serial_number: str | None


class ConnectorView(BaseModel):
    """A connector as programs read it.

    `limit_watts` is what it shall give at most, if that is limited, and `limit_held_since` since when what
    charges there is held to it.
    """

    number: int
    connector_id: str
    status: str | None
    status_at: datetime | None
    session_id: str | None
    why: str | None
    limit_watts: int | None
    limit_held_since: datetime | None


class CommandView(BaseModel):
    """Something that a connector was told."""

    id: int
    verb: str
    connector_id: str
    session_id: str
    put_at: datetime
    attempts: int
    acceptance: str | None
    why: str | None


class ChargingView(BaseModel):
    """A stretch of charging; stands in Wh. `doubt` says what of its figures does not fit together."""

    id: int
    connector_id: str
    session_id: str | None
    started_at: datetime
    start_wh: int | None
    stopped_at: datetime | None
    stop_wh: int | None
    doubt: str | None


class StationReport(StationView):
    """All that is known of a station."""

    connectors: list[ConnectorView]
    commands: list[CommandView]
    chargings: list[ChargingView]


@station.command("list")
@at_a_place
def list_stations(*, as_json: AsJson = False, place: Place) -> None:
    """List the stations, whether they are connected, and when they were last heard."""
    views = asyncio.run(_stations(place))
    if as_json:
        print_json(views)
    elif not views:
        print(_NONE_YET)
    else:
        print_table(
            "Stations",
            ("station", "protocol", "connected since", "last heard", "make"),
            [
                (
                    view.station_id,
                    view.protocol,
                    _instant(view.connected_at),
                    _instant(view.heard_at),
                    " ".join(filter(None, (view.vendor, view.model, view.firmware))),
                )
                for view in views
            ],
        )


@station.command()
@at_a_place
def show(name: StationName, *, as_json: AsJson = False, place: Place) -> None:
    """Show a station's connectors, what they were told, and what was charged at them, the newest first."""
    report = asyncio.run(_report(place, name))
    if as_json:
        print_json([report])
        return
    since = "not connected" if report.connected_at is None else f"since {_instant(report.connected_at)}"
    print_table(
        f"Connectors of {report.station_id}, {report.protocol}, {since}",
        ("number", "resource", "status", "since", "session", "why", "limit W", "held since"),
        [
            (each.number, each.connector_id, each.status, _instant(each.status_at), each.session_id, each.why,
             each.limit_watts, _instant(each.limit_held_since))
            for each in report.connectors
        ],
    )  # fmt: skip
    print_table(
        "Commands",
        ("at", "verb", "resource", "session", "outcome", "tries", "why"),
        [
            (_instant(each.put_at), each.verb, each.connector_id, each.session_id,
             each.acceptance or "under way", each.attempts, each.why)
            for each in report.commands
        ],
    )  # fmt: skip
    print_table(
        "Chargings",
        ("from", "until", "resource", "session", "first Wh", "last Wh", "doubt"),
        [
            (_instant(each.started_at), _instant(each.stopped_at), each.connector_id, each.session_id,
             each.start_wh, each.stop_wh, each.doubt)
            for each in report.chargings
        ],
    )  # fmt: skip


@station.command()
@at_a_place
def unlock(
    resource: Annotated[str, typer.Argument(help="The connector, as the catalogue calls it.")],
    *,
    place: Place,
) -> None:
    """Have a connector let go of its cable; `show` tells what came of it."""
    asyncio.run(_unlock(place, resource))
    print(f"{resource} is told to let go of its cable.")


@station.command()
def check(file: Annotated[Path, typer.Argument(help="A YAML file of stations.")]) -> None:
    """Say whether a node would take a file of stations, and which connectors it has."""
    roster = Roster(load_stations(file))
    for each in roster.stations:
        if isinstance(each, WebhookStation):
            read_secret(each)
    print_table(
        f"{len(roster.stations)} stations",
        ("connector", "protocol", "resource", "meter", "W"),
        [
            (
                str(each),
                each.station.protocol,
                each.resource,
                each.connector.meter.lstrip("0"),
                each.connector.greatest_watts,
            )
            for each in roster.places
        ],
    )


@station.command()
def password(
    *,
    from_stdin: Annotated[
        bool,
        typer.Option("--stdin", help="Hash the password that is typed or piped in, instead of a new one."),
    ] = False,
) -> None:
    """Make a password for a station, and the hash that stands for it in the file of stations."""
    chosen = sys.stdin.readline().rstrip("\n") if from_stdin else token_urlsafe(24)
    try:
        made = hash_password(chosen)
    except PasswordUnfit as error:
        raise typer.BadParameter(str(error)) from error
    if not from_stdin:
        print(f"password  {chosen}")
    print(f"hash      {made}")


async def _stations(place: Place) -> list[StationView]:
    async with place.desk() as desk:
        rows = await ConnectorStore(desk.uow.connection).all()
    return [StationView.model_validate(dict(row)) for row in rows]


async def _report(place: Place, name: str) -> StationReport:
    """Raises: StationUnknown."""
    async with place.desk() as desk:
        connection = desk.uow.connection
        store = ConnectorStore(connection)
        row = next((each for each in await store.all() if each["station_id"] == name), None)
        if row is None:
            raise StationUnknown(f"there is no station {name}", hint="degnode station list shows all.")
        connectors = await store.connectors_of(name)
        told = await CommandStore(connection).latest(
            [each["connector_id"] for each in connectors], limit=_LATEST
        )
        chargings = await ChargingStore(connection).latest(station_id=name, limit=_LATEST)
        limits = {
            each["connector_id"]: await LimitStore(connection).find(each["connector_id"])
            for each in connectors
        }
    return StationReport(
        **row,
        connectors=[_view_connector(each, limits[each["connector_id"]]) for each in connectors],
        commands=[CommandView.model_validate(dict(each)) for each in told],
        chargings=[
            ChargingView(**{field: getattr(each, field) for field in ChargingView.model_fields})
            for each in chargings
        ],
    )


def _view_connector(row: RowMapping, limit: PowerLimit | None) -> ConnectorView:
    return ConnectorView(
        **row,
        limit_watts=None if limit is None else limit.watts,
        limit_held_since=None if limit is None else limit.held_since,
    )


async def _unlock(place: Place, resource: str) -> None:
    """Raises: StationUnknown."""
    async with place.desk() as desk:
        if await ConnectorStore(desk.uow.connection).find_connector(resource) is None:
            raise StationUnknown(f"no station has the connector {resource}")
        await put_command(desk.uow, verb=Verb.UNLOCK, connector_id=resource, session_id="", now=desk.now)


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
