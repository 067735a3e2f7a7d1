"""Stations that exist in the node only: cars come when they are told to charge, and leave when full.

What a register shows follows from the seed, from what was charged before and from the time alone, so that
a simulated station survives the end of its process, and does the same each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from kernel.clock import Clock, format_instant
from stations.charging_desk import Begin, End
from stations.chargings import Charging, ChargingStore
from stations.command_store import tag_of
from stations.connector_desk import Status
from stations.connector_store import ConnectorStore
from stations.desks import Desks
from stations.intake import Said, stand_at
from stations.port import Acceptance, CommandResult, StationCommand, StationEventKind, Verb
from stations.roster import Place
from stations.station_file import SimulatedStation
from stations.turn import Turn
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

PROTOCOL: Final = "simulator"
_LEAST_WISH: Final = 15_000  # Wh that a car takes in
_GREATEST_WISH: Final = 60_000
_CURVE: Final = ((70, 100), (85, 60), (95, 30), (100, 10))
"""Up to which share of what a car takes in it draws which share of the power, both in percent."""
_DONE: Final = CommandResult(acceptance=Acceptance.ACCEPTED)


def wish_of(seed: int, ref: str) -> int:
    """Return what the car of a charging takes in, in Wh."""
    drawn = int.from_bytes(sha256(f"{seed} {ref}".encode()).digest()[:4], "big")
    return _LEAST_WISH + drawn % (_GREATEST_WISH - _LEAST_WISH + 1)


def charged_within(elapsed: timedelta, *, watts: int, wish: int) -> int:
    """Return what a car has drawn after a time, in Wh: fast at first, slowly when it is nearly full."""
    left, reached, drawn = elapsed // timedelta(milliseconds=1), 0, 0
    for share, power in _CURVE:
        amount = wish * share // 100 - wish * reached // 100
        milliseconds = amount * 3_600_000 * 100 // (watts * power)
        if left < milliseconds:
            return drawn + left * watts * power // (3_600_000 * 100)
        left, reached, drawn = left - milliseconds, share, drawn + amount
    return drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """Moves the simulated stations of a roster."""

    desks: Desks
    uow_factory: UnitOfWorkFactory
    clock: Clock

    async def open(self, uow: UnitOfWork) -> None:
        """Let the simulated stations be there, with nobody at them."""
        turn = Turn(uow, self.clock.now())
        for place in self._places:
            await self.desks.connectors.came(place.station.id, protocol=PROTOCOL, turn=turn)
            if await ChargingStore(uow.connection).find_open_at(connector_id=place.resource) is None:
                await self._stand(place, StationEventKind.AVAILABLE, turn)

    async def carry_out(self, command: StationCommand) -> CommandResult:
        """Do what a station would, at once."""
        place = self.desks.roster.find_place(command.connector_id)
        assert place is not None  # noqa: S101  the switchboard found its station
        async with self.uow_factory() as uow:
            turn = Turn(uow, self.clock.now())
            running = await _running(place, uow)
            if command.verb is Verb.LIMIT:
                return CommandResult(
                    acceptance=Acceptance.REJECTED, why="a simulated station gives what it gives"
                )
            if command.verb is Verb.START:
                return await self._start(command, place, running, turn)
            if command.verb is Verb.STOP and running is not None:
                if running.session_id != command.session_id:
                    return CommandResult(acceptance=Acceptance.REJECTED, why="another session charges there")
                await self._end(place, running, turn)
            return _DONE

    async def step(self) -> bool:
        """Let every car that charges draw what it has drawn by now; there is never more to do at once."""
        for place in self._places:
            async with self.uow_factory() as uow:
                running = await _running(place, uow)
                if running is not None:
                    await self._charge(place, running, Turn(uow, self.clock.now()))
        return False

    async def _start(
        self, command: StationCommand, place: Place, running: Charging | None, turn: Turn
    ) -> CommandResult:
        if running is not None:
            return CommandResult(acceptance=Acceptance.REJECTED, why="the connector is occupied")
        before = await ChargingStore(turn.uow.connection).find_latest_at(connector_id=place.resource)
        await self._stand(place, StationEventKind.PREPARING, turn)
        begin = Begin(
            ref=f"simulated-{command.id}",
            at=turn.now,
            said=Said(readings=(), raw=_told(place, turn.now, "start")),
            tag=tag_of(command.session_id),
            watt_hours=0 if before is None or before.highest_wh is None else before.highest_wh,
        )
        await self.desks.chargings.start(place, begin, turn)
        return _DONE

    async def _charge(self, place: Place, running: Charging, turn: Turn) -> None:
        stand = self._register(place, running, turn.now)
        said = Said(readings=[stand_at(turn.now, stand)], raw=_told(place, turn.now, str(stand)))
        await self.desks.chargings.measure(place, said, running, turn)
        if stand == (running.start_wh or 0) + wish_of(_seed(place), running.ref):
            await self._stand(place, StationEventKind.SUSPENDED_BY_CAR, turn)

    async def _end(self, place: Place, running: Charging, turn: Turn) -> None:
        """End a charging; its car leaves at once."""
        end = End(
            at=turn.now,
            said=Said(readings=(), raw=_told(place, turn.now, "end")),
            watt_hours=self._register(place, running, turn.now),
            reason="Remote",
        )
        await self.desks.chargings.end(running, place, end, turn)
        await self._stand(place, StationEventKind.AVAILABLE, turn)

    async def _stand(self, place: Place, kind: StationEventKind, turn: Turn) -> None:
        await self.desks.connectors.stand(place, Status(kind=kind, at=turn.now), turn)

    def _register(self, place: Place, running: Charging, now: datetime) -> int:
        elapsed = max(now - running.started_at, timedelta(0))
        wish = wish_of(_seed(place), running.ref)
        watts = place.connector.greatest_watts
        return (running.start_wh or 0) + charged_within(elapsed, watts=watts, wish=wish)

    @property
    def _places(self) -> list[Place]:
        return [place for place in self.desks.roster.places if isinstance(place.station, SimulatedStation)]


async def _running(place: Place, uow: UnitOfWork) -> Charging | None:
    """Return what charges at a connector; no other process moves its station meanwhile."""
    await ConnectorStore(uow.connection).lock(place.station.id)
    return await ChargingStore(uow.connection).find_open_at(connector_id=place.resource)


def _seed(place: Place) -> int:
    assert isinstance(place.station, SimulatedStation)  # noqa: S101  no other is moved here
    return place.station.seed


def _told(place: Place, at: datetime, what: str) -> bytes:
    return f"# simulated {place} {format_instant(at)} {what}\n".encode()
