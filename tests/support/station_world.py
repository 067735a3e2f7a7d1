"""A central system on a real server and a real database, with what it passes on kept to look at."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import uvicorn
from fastapi import FastAPI

from degnode.http_bounds import bounded_protocol
from kernel.clock import ManualClock
from kernel.energy import Energy
from kernel.interval import Interval
from metering.energy import Direction
from metering.ingest import IngestResult
from metering.quarantine import QuarantinedReading
from metering.query import interval_energy, quarantined_readings, total_energy
from metering.sep.terminator import CertificateHeader
from stations.chargings import Charging, ChargingStore
from stations.command_desk import CommandDesk
from stations.command_store import put_command, tag_of
from stations.desks import Desks, open_desks
from stations.ocpp.central_system import CentralSystem
from stations.ocpp.door import ocpp_router
from stations.password import hash_password
from stations.port import CommandResult, StationCommand, StationEvent, StationEventKind, Verb
from stations.roster import Roster
from stations.station_file import read_stations
from stations.turn import Turn
from storage.unit_of_work import Transaction, UnitOfWork, UnitOfWorkFactory
from tests.support.charge_points import PASSWORD

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
SESSION = "contract-1"
TAG = tag_of(SESSION)
CONNECTOR, METER = "ccs2-7-1", "0A0100B1"
_HASH = hash_password(PASSWORD)
STATIONS = f"""
stations:
  - id: CP-7
    protocol: ocpp
    password: "{_HASH}"
    connectors:
      - {{number: 1, resource: {CONNECTOR}, meter: "{METER}", greatest_watts: 22000}}
      - {{number: 2, resource: ccs2-7-2, meter: "0A0100B2", greatest_watts: 22000}}
"""


@dataclass
class StationWorld:
    """What a test looks at."""

    uow_factory: UnitOfWorkFactory
    clock: ManualClock
    roster: Roster
    url: str = ""
    events: list[StationEvent] = field(default_factory=list)
    results: list[tuple[StationCommand, CommandResult]] = field(default_factory=list)
    recorded: list[IngestResult] = field(default_factory=list)
    happened: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False
    holder: str = "the process of the test"

    def __post_init__(self) -> None:
        self.desks: Desks = open_desks(self.roster, on_event=self._on_event, on_recorded=self._on_recorded)
        self.central_system = CentralSystem(
            self.desks, uow_factory=self.uow_factory, clock=self.clock, holder=self.holder, answer_seconds=5
        )
        self.desk = CommandDesk(
            port=self.central_system,
            holder=self.holder,
            uow_factory=self.uow_factory,
            clock=self.clock,
            on_result=self._on_result,
        )

    async def tell(
        self,
        verb: Verb,
        *,
        session: str = SESSION,
        until: datetime | None = None,
        limit: Energy | None = None,
    ) -> CommandResult | None:
        """Have the connector told something, and return what came of it, if that is known."""
        async with self.uow_factory() as uow:
            await put_command(
                uow,
                verb=verb,
                connector_id=CONNECTOR,
                session_id=session,
                now=self.clock.now(),
                until=until,
                limit=limit,
            )
        return await self.carry_out()

    async def carry_out(self) -> CommandResult | None:
        """Carry out what is due, and return the last result that came of it."""
        known = len(self.results)
        while await self.desk.step():
            pass
        return self.results[-1][1] if len(self.results) > known else None

    async def energy(self, start: datetime, end: datetime) -> Energy:
        """Return what the connector's meter measured in a window."""
        async with self.uow_factory() as uow:
            found = await interval_energy(
                uow.connection, meter=METER, direction=Direction.IMPORT, window=Interval(start, end)
            )
        return total_energy(found)

    async def quarantined(self) -> Sequence[QuarantinedReading]:
        async with self.uow_factory() as uow:
            return await quarantined_readings(uow.connection, meter=METER, at=self.clock.now())

    async def chargings(self) -> list[Charging]:
        async with self.uow_factory() as uow:
            return await ChargingStore(uow.connection).latest(station_id="CP-7", limit=10)

    async def until(self, kind: StationEventKind) -> StationEvent:
        """Wait until something of a kind has happened, and return the last of it."""
        async with asyncio.timeout(20):
            while not (found := [event for event in self.events if event.kind is kind]):
                self.happened.clear()
                await self.happened.wait()
        return found[-1]

    def told(self, *, connector: str = CONNECTOR) -> list[StationEventKind]:
        """Return the kinds of what happened at a connector, in order."""
        return [event.kind for event in self.events if event.connector_id == connector]

    async def _on_event(self, _uow: UnitOfWork, event: StationEvent, _now: datetime) -> None:
        if self.fails:
            raise RuntimeError("whoever hears of it fails")
        self.events.append(event)
        self.happened.set()

    async def _on_recorded(self, _uow: Transaction, results: Sequence[IngestResult], _now: datetime) -> None:
        self.recorded += results

    async def _on_result(
        self, _uow: UnitOfWork, command: StationCommand, result: CommandResult, _now: datetime
    ) -> None:
        self.results.append((command, result))


@asynccontextmanager
async def station_world(
    uow_factory: UnitOfWorkFactory,
    *,
    holder: str = "the process of the test",
    clock: ManualClock | None = None,
    stations: str = STATIONS,
    certificate_header: CertificateHeader | None = None,
) -> AsyncIterator[StationWorld]:
    """Run a central system with two connectors of one station."""
    roster = Roster(read_stations(stations, name="stations.yaml"))
    world = StationWorld(uow_factory, clock or ManualClock(NOW), roster, holder=holder)
    async with uow_factory() as uow:
        await world.desks.connectors.open(Turn(uow, NOW))
    app = FastAPI()
    app.include_router(ocpp_router(world.central_system, roster, certificate_header=certificate_header))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=bounded_protocol(request_timeout=timedelta(seconds=20), max_head_bytes=16_384),
            ws="websockets-sansio",
            ws_max_size=262_144,
            lifespan="off",
            log_config=None,
        )
    )
    listener = socket.create_server(("127.0.0.1", 0))
    world.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield world
    finally:
        server.should_exit = True
        await task
