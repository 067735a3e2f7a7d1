"""The central system: who is connected, what they call, and how they are told.

A station has one connection: a new one takes the place of one that has gone stale, also of one to
another process of the node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import structlog

from kernel.clock import Clock
from stations.chargings import ChargingStore
from stations.command_store import CommandStore, tag_of
from stations.connector_store import ConnectorStore
from stations.desks import Desks
from stations.holds import Hold, HoldStore
from stations.ocpp import v16, v201
from stations.ocpp.answers import Facts, Request, Tell, result_of
from stations.ocpp.exchange import Exchange, Handler
from stations.ocpp.frames import Call, CallRefused, check_call
from stations.ocpp.link import ANSWER_SECONDS, Link, LinkLost, Socket
from stations.port import Acceptance, CommandResult, StationCommand, Verb
from stations.roster import Place
from stations.turn import Turn
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)


_REPLACED: Final = "another connection took its place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A version of OCPP: what is called by stations, and how they are told."""

    version: str
    handlers: Mapping[str, Handler]
    tell: Mapping[Verb, Tell]

    @classmethod
    def of(cls, module: ModuleType) -> Dialect:
        return cls(version=module.VERSION, handlers=module.HANDLERS, tell=module.TELL)


DIALECTS: Final[Mapping[str, Dialect]] = {"ocpp2.0.1": Dialect.of(v201), "ocpp1.6": Dialect.of(v16)}
"""By the name of the WebSocket's subprotocol, the one that we prefer first."""


@dataclass(slots=True)
class _Connected:
    """A station that is connected here; `is_held` as soon as everybody can know of it."""

    link: Link
    dialect: Dialect
    is_held: bool = False


class CentralSystem:
    """Serves stations' connections, and carries commands to them; `holder` names its process."""

    def __init__(
        self,
        desks: Desks,
        *,
        uow_factory: UnitOfWorkFactory,
        clock: Clock,
        holder: str,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._desks = desks
        self._uow_factory = uow_factory
        self._clock = clock
        self._holder = holder
        self._answer_seconds = answer_seconds
        self._links: dict[str, _Connected] = {}

    async def serve(self, socket: Socket, *, station_id: str, protocol: str) -> None:
        """Serve one connection of a station, which has shown that it is that one, until it ends."""
        dialect = DIALECTS[protocol]

        async def answer(call: Call) -> Mapping[str, Any]:
            return await self._answer(call, station_id=station_id, dialect=dialect)

        link = Link(
            socket,
            station_id=station_id,
            version=dialect.version,
            answer=answer,
            answer_seconds=self._answer_seconds,
        )
        before = self._links.get(station_id)
        connected = self._links[station_id] = _Connected(link, dialect)
        try:
            if before is not None:
                await before.link.close(_REPLACED)
            async with self._uow_factory() as uow:
                turn = Turn(uow, self._clock.now())
                hold = Hold.from_now(self._holder, turn.now)
                await self._desks.connectors.came(station_id, protocol=protocol, turn=turn, hold=hold)
            connected.is_held = True
            log.info("station.connected", station=station_id, protocol=protocol)
            await link.serve()
        finally:
            await self._part(station_id, link)

    async def carry_out(self, command: StationCommand) -> CommandResult:
        """Tell the station that a command is for, and return what it makes of it."""
        place = self._desks.roster.find_place(command.connector_id)
        found = None if place is None else self._links.get(place.station.id)
        if place is None or found is None:
            return CommandResult(acceptance=Acceptance.UNREACHABLE, why="the station is not connected")
        request = found.dialect.tell[command.verb](command, await self._facts(command, place))
        if isinstance(request, CommandResult):
            return request
        return await _asked(found.link, request)

    async def keep_hold(self) -> bool:
        """Hold on to who is connected here; part with who is connected elsewhere; there is never more to do.

        Stations whose process died are away from then on, and what runs at a free connector has ended.
        Whatever becomes of that, what is held stays held.
        """
        connected = {station_id: each for station_id, each in self._links.items() if each.is_held}
        async with self._uow_factory() as uow:
            hold = Hold.from_now(self._holder, self._clock.now())
            held = await HoldStore(uow.connection).renew(sorted(connected), hold)
        for station_id in connected.keys() - held:
            await connected[station_id].link.close(_REPLACED)
        async with self._uow_factory() as uow:
            await self._desks.connectors.lapse(Turn(uow, self._clock.now()))
        async with self._uow_factory() as uow:
            await self._desks.chargings.end_left(self._desks.roster, Turn(uow, self._clock.now()))
        return False

    def has_lost(self, announced: str) -> bool:
        """Say whether a station that has connected somewhere, as it was announced, is still connected here.

        Where nothing is said that may be so.
        """
        holder, _, station_id = announced.partition(" ")
        return holder != self._holder and (not station_id or station_id in self._links)

    async def _facts(self, command: StationCommand, place: Place) -> Facts:
        async with self._uow_factory() as uow:
            chargings, session_id = ChargingStore(uow.connection), command.session_id
            running = (
                chargings.find_open(session_id=session_id)
                if session_id
                else chargings.find_open_at(connector_id=place.resource)
            )
            return Facts(
                place=place,
                tag=tag_of(session_id),
                reservation=await CommandStore(uow.connection).find_reservation(session_id),
                charging=await running,
            )

    async def _answer(self, call: Call, *, station_id: str, dialect: Dialect) -> Mapping[str, Any]:
        handler = dialect.handlers.get(call.action)
        if handler is None:
            raise CallRefused("NotImplemented", f"{call.action[:40]} is not taken here")
        check_call(call.action, call.payload, version=dialect.version)
        async with self._uow_factory() as uow:
            turn = Turn(uow, self._clock.now())
            store = ConnectorStore(uow.connection)
            await store.lock(station_id)
            answer = await handler(
                Exchange(
                    station_id=station_id,
                    payload=call.payload,
                    raw=call.raw,
                    turn=turn,
                    desks=self._desks,
                )
            )
            await store.heard(station_id, now=turn.now)
        return answer

    async def _part(self, station_id: str, link: Link) -> None:
        """Take that a connection has ended, unless another has taken its place."""
        current = self._links.get(station_id)
        if current is None or current.link is not link:
            return
        del self._links[station_id]
        async with self._uow_factory() as uow:
            await ConnectorStore(uow.connection).lock(station_id)
            if station_id in self._links:
                return  # it is there again
            turn = Turn(uow, self._clock.now())
            await self._desks.connectors.went(station_id, turn, from_holder=self._holder)
        log.info("station.disconnected", station=station_id)


async def _asked(link: Link, request: Request) -> CommandResult:
    try:
        return result_of(request.action, await link.ask(request.action, request.payload))
    except LinkLost as error:
        return CommandResult(acceptance=Acceptance.UNREACHABLE, why=str(error))
    except CallRefused as error:
        why = f"the station cannot do it: {error.code} {error.description}".strip()
        return CommandResult(acceptance=Acceptance.REJECTED, why=why)
