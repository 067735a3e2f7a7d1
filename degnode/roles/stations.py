"""The stations of a seller: who moves them, where they are met, and by which workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final
from uuid import uuid4

from fastapi import APIRouter
from pydantic import AfterValidator, Field

from bpp.deliveries.station_desk import StationDesk
from degnode.roles.certificate_header import from_somebody
from metering.ingest import OnRecorded
from metering.sep.terminator import CertificateHeader
from node.runtime import Foundation
from node.settings import Settings
from node.worker import Worker
from stations.command_desk import CommandDesk
from stations.command_store import STATIONS_CHANNEL
from stations.desks import Desks, open_desks
from stations.holds import HOLDS_CHANNEL, HOLDS_RENEWED_EVERY
from stations.ocpp.central_system import CentralSystem
from stations.ocpp.door import ocpp_router
from stations.port import StationPort
from stations.roster import Roster
from stations.simulator import PROTOCOL as SIMULATOR
from stations.simulator import Simulator
from stations.station_file import OcppStation, StationsInvalid, WebhookStation, load_stations
from stations.switchboard import Switchboard
from stations.turn import Turn
from stations.webhook.caller import WebhookCaller
from stations.webhook.door import PROTOCOL as WEBHOOK
from stations.webhook.door import station_events_router
from stations.webhook.signature import read_secret

_AT_A_TIME: Final = 4
"""How many stations are told something at the same time: one that is slow keeps few waiting."""
_SIMULATED_EVERY: Final = timedelta(seconds=2)


class StationSettings(Settings):
    """What a node with stations is told."""

    stations: Path | None = Field(
        None, description="The YAML file of charging stations: how each is reached, and its connectors."
    )
    stations_certificate_header: Annotated[str | None, AfterValidator(from_somebody)] = Field(
        None,
        description="The header in which one of DEGNODE_TRUSTED_PROXIES passes on a station's certificate.",
    )

    def certificate_header(self) -> CertificateHeader | None:
        """Return where a proxy says who a station is, if it does."""
        name = self.stations_certificate_header
        return None if name is None else CertificateHeader(name=name, proxies=self.trusted_proxies)


@dataclass(frozen=True, slots=True, kw_only=True)
class StationParts:
    """What stations bring to a role; nothing where there are none.

    `chores` are for every process: who is connected to one is told by that one alone.
    """

    routers: Sequence[APIRouter] = ()
    workers: Sequence[Worker] = ()
    chores: Sequence[Worker] = ()
    websockets: bool = False


def load_roster(settings: StationSettings) -> Roster:
    """Return the stations of the settings' file, none where there is no file. Raises: StationsInvalid."""
    roster = Roster(() if settings.stations is None else load_stations(settings.stations))
    if settings.stations_certificate_header is None:
        for station in roster.stations:
            if isinstance(station, OcppStation) and station.certificates:
                raise StationsInvalid(
                    f"station {station.id} is known by its certificate, and nobody passes that on",
                    path="certificates",
                    hint="Name the proxy's header in DEGNODE_STATIONS_CERTIFICATE_HEADER.",
                )
    return roster


async def station_parts(
    roster: Roster,
    foundation: Foundation,
    *,
    heard_by: StationDesk,
    on_recorded: OnRecorded,
    certificate_header: CertificateHeader | None,
) -> StationParts:
    """Return what the stations need; they are on record by then. Raises: StationsInvalid."""
    if not roster.stations:
        return StationParts()
    uow_factory, clock, holder = foundation.uow_factory, foundation.clock, str(uuid4())
    desks = open_desks(roster, on_event=heard_by.on_event, on_recorded=on_recorded)
    secrets = {each.id: read_secret(each) for each in roster.stations if isinstance(each, WebhookStation)}
    central_system = CentralSystem(desks, uow_factory=uow_factory, clock=clock, holder=holder)
    simulator = Simulator(desks=desks, uow_factory=uow_factory, clock=clock)
    await _open(desks, simulator, foundation)
    adapters: Mapping[str, StationPort] = {
        "ocpp": central_system,
        WEBHOOK: WebhookCaller(roster, secrets=secrets, clock=clock),
        SIMULATOR: simulator,
    }
    desk = CommandDesk(
        port=Switchboard(roster=roster, adapters=adapters),
        holder=holder,
        uow_factory=uow_factory,
        clock=clock,
        on_result=heard_by.on_result,
    )
    return StationParts(
        routers=(
            ocpp_router(central_system, roster, certificate_header=certificate_header),
            station_events_router(desks, secrets=secrets, uow_factory=uow_factory, clock=clock),
        ),
        workers=(Worker("simulated stations", simulator.step, poll_interval=_SIMULATED_EVERY),),
        chores=(*_tellers(desk, foundation), _keeper(central_system, foundation)),
        websockets=True,
    )


async def _open(desks: Desks, simulator: Simulator, foundation: Foundation) -> None:
    """Put the stations on record; those that need not connect are there at once."""
    async with foundation.uow_factory() as uow:
        turn = Turn(uow, foundation.clock.now())
        await desks.connectors.open(turn)
        for station in desks.roster.stations:
            if isinstance(station, WebhookStation):
                await desks.connectors.came(station.id, protocol=WEBHOOK, turn=turn)
        await simulator.open(uow)


def _tellers(desk: CommandDesk, foundation: Foundation) -> list[Worker]:
    tellers = [
        Worker(f"stations {number}", desk.step, poll_interval=foundation.settings.poll_interval)
        for number in range(1, _AT_A_TIME + 1)
    ]
    for teller in tellers:
        foundation.listener.on(STATIONS_CHANNEL, teller.wake)
    return tellers


def _keeper(central_system: CentralSystem, foundation: Foundation) -> Worker:
    keeper = Worker("station holds", central_system.keep_hold, poll_interval=HOLDS_RENEWED_EVERY)

    def hear(announced: str) -> None:
        if central_system.has_lost(announced):
            keeper.wake()

    foundation.listener.on(HOLDS_CHANNEL, hear)
    return keeper
