"""What is charged at connectors, kept and passed on, whatever kind of station tells of it.

A station's word is taken as it comes: late, twice, out of order. What is a repeat changes nothing; what
does not fit together is told as a doubt, beside a figure that counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from kernel.energy import Energy
from metering.ingest import OnRecorded
from metering.timeliness import DEFAULT_TIME_LIMITS
from stations.believed import counted, flowed, joined, unsigned_ends
from stations.chargings import Charging, ChargingStore, NewCharging
from stations.command_store import CommandStore, put_command, tag_of
from stations.connector_store import ConnectorStore
from stations.intake import Said, Taken, stand_at, take_in
from stations.limits import end_hold, tell_limit
from stations.port import OnStationEvent, StationEvent, StationEventKind, Verb
from stations.roster import Place, Roster
from stations.signed_values import second_of
from stations.turn import Turn

log = structlog.get_logger(__name__)

_NO_TIME: Final = timedelta(0)
_SECOND: Final = timedelta(seconds=1)

END_AWAITED: Final = timedelta(minutes=10)
"""How long an end may follow the word that its connector is free, while its station is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """That charging began: `ref` makes it one at its station, `tag` says for whom, if that is known.

    `said` is what the message says of the meter; `watt_hours` the stand at the start, if it is told apart.
    """

    ref: str
    at: datetime
    said: Said
    tag: str | None = None
    watt_hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """That charging ended, likewise, and why it did."""

    at: datetime
    said: Said
    watt_hours: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingDesk:
    """Takes what stations tell of charging."""

    on_event: OnStationEvent
    on_recorded: OnRecorded

    async def may_charge(self, tag: str, place: Place, turn: Turn) -> bool:
        """Say whether a session that goes by this tag may charge at a connector now."""
        session = await CommandStore(turn.uow.connection).find_session(tag, connector_id=place.resource)
        if session is None or session.stopped_at is not None:
            return False
        return not await ChargingStore(turn.uow.connection).has_ended(session.session_id, by=turn.now)

    async def start(self, place: Place, begin: Begin, turn: Turn) -> Charging:
        """Take that charging began; it is a session's only if that was to start there."""
        store, at = ChargingStore(turn.uow.connection), turn.at(begin.at)
        known = await store.find(station_id=place.station.id, ref=begin.ref)
        if known is not None:
            return known
        await self._end_forgotten(place, at, turn)
        charging = await store.add(
            NewCharging(
                station_id=place.station.id,
                ref=begin.ref,
                connector_id=place.resource,
                session_id=await self._session_at(begin.tag, place, at, turn),
                started_at=at,
                start_wh=None,  # until a stand is believed
            )
        )
        said = begin.said.with_stand(at, begin.watt_hours)
        taken = await self.measure(place, said, charging, turn)
        charging = await self._doubt_clock(counted(charging, taken), begin.tag, place, turn)
        if charging.session_id is None:
            log.warning("station.charging_of_nobody", connector=str(place), charging=charging.id)
        else:
            await self._tell(place, StationEventKind.STARTED, charging, at, turn)
        await tell_limit(place.resource, turn.uow, now=turn.now)
        return charging

    async def attach(
        self, charging: Charging, place: Place, *, tag: str, at: datetime, turn: Turn
    ) -> Charging:
        """Take for whom a charging is that began before that was known."""
        if charging.session_id is not None:
            return charging
        session_id = await self._session_at(tag, place, turn.at(at), turn)
        if session_id is None:
            return charging
        await ChargingStore(turn.uow.connection).set(charging, session_id=session_id)
        charging = replace(charging, session_id=session_id)
        await self._tell(place, StationEventKind.STARTED, charging, turn.at(at), turn)
        return charging

    async def measure(self, place: Place, said: Said, charging: Charging | None, turn: Turn) -> Taken:
        """Take what is said of a connector's meter; a session that has all it may take is stopped."""
        taken = await take_in(said, place=place, uow=turn.uow, now=turn.now, on_recorded=self.on_recorded)
        if charging is None:
            return taken
        known = counted(charging, taken)
        if known != charging:
            await ChargingStore(turn.uow.connection).set(
                charging,
                start_wh=known.start_wh,
                highest_wh=known.highest_wh,
                counted_at=known.counted_at,
                doubt=known.doubt,
                shown_wh=known.shown_wh,
            )
        if charging.is_open:
            await self._stop_when_full(place, known, flowed(known, taken, place.connector), turn)
        return taken

    async def rest(self, charging: Charging, place: Place, at: datetime, turn: Turn) -> None:
        """Take that a charging was stopped and goes on with nothing flowing, until its vehicle leaves."""
        if charging.is_open:
            await end_hold(place.resource, turn.uow)
            await self._tell(place, StationEventKind.STOPPED, charging, turn.at(at), turn)

    async def _rested_at(self, charging: Charging, place: Place, turn: Turn) -> datetime | None:
        """Return since when nothing flows in a charging that goes on, None if that was never told."""
        state = await ConnectorStore(turn.uow.connection).state(place)
        rests = state.status is StationEventKind.STOPPED and charging.session_id is not None
        return state.status_at if rests and state.session_id == charging.session_id else None

    async def end(self, charging: Charging, place: Place, end: End, turn: Turn) -> None:
        """Take that charging ended, with a stand that counts even where the station's own does not."""
        if not charging.is_open:
            return
        at, store = turn.at(end.at), ChargingStore(turn.uow.connection)
        said = end.said.with_stand(at, end.watt_hours)
        taken = await self.measure(place, said, replace(charging, stopped_at=at), turn)
        known = counted(charging, taken)
        highest = known.highest_wh
        stand, doubts = taken.stands.get(second_of(at)), [*taken.doubts, *unsigned_ends(known, taken, at)]
        rested_at = await self._rested_at(charging, place, turn)
        if stand is not None and rested_at is not None and rested_at < at:
            await self._estimate(place, end.said, rested_at, stand, turn)  # nothing has flowed since
        if stand is None and highest is not None:
            await self._estimate(place, end.said, at, highest, turn)
        if stand is not None and highest is not None and stand < highest:
            doubts.append(f"it stopped at {stand} Wh, and its values had said {highest} Wh")
        await end_hold(place.resource, turn.uow)
        await store.set(
            charging,
            stopped_at=at,
            stop_wh=stand if end.watt_hours is None else end.watt_hours,
            stop_reason=end.reason or None,
            doubt=joined(charging.doubt, *doubts),
        )
        final = replace(charging, highest_wh=highest if stand is None else stand)
        await self._tell(place, StationEventKind.STOPPED, final, at, turn, why=joined(end.reason, *doubts))

    async def end_left(self, roster: Roster, turn: Turn) -> None:
        """End what still runs at connectors that are free for a while: its end got lost."""
        store = ChargingStore(turn.uow.connection)
        for left in await store.find_left(since=turn.now - END_AWAITED):
            place = roster.find_place(left.connector_id)
            if place is None:
                continue
            await ConnectorStore(turn.uow.connection).lock(left.station_id)
            running = await store.find_open_at(connector_id=left.connector_id)
            if running is not None and running.id == left.id:
                await self._forget(running, place, turn.now, turn)

    async def _estimate(self, place: Place, said: Said, at: datetime, watt_hours: int, turn: Turn) -> None:
        """Let the register stand at the end where it was last believed to stand: nobody pays for more."""
        estimate = Said(
            readings=[stand_at(at, watt_hours, is_estimate=True)],
            raw=b"# the last stand that counts, at the end of charging\n" + said.raw,
        )
        await take_in(estimate, place=place, uow=turn.uow, now=turn.now, on_recorded=self.on_recorded)

    async def _doubt_clock(self, charging: Charging, tag: str | None, place: Place, turn: Turn) -> Charging:
        """Return a charging with the doubt that it began before its session was told to, if it says so."""
        if tag is None or charging.session_id is None:
            return charging
        connection = turn.uow.connection
        session = await CommandStore(connection).find_session(tag, connector_id=place.resource)
        behind = _NO_TIME if session is None else session.put_at - charging.started_at
        if behind <= DEFAULT_TIME_LIMITS.clock_skew:
            return charging
        doubt = f"the station's clock is {behind // _SECOND} s behind at least: its session began later"
        log.warning("station.clock_behind", connector=str(place), seconds=behind // _SECOND)
        doubted = replace(charging, doubt=joined(charging.doubt, doubt))
        await ChargingStore(connection).set(charging, doubt=doubted.doubt)
        return doubted

    async def _session_at(self, tag: str | None, place: Place, at: datetime, turn: Turn) -> str | None:
        """Return the session that went by a tag at an instant, which may be some time ago."""
        if tag is None:
            return None
        connection = turn.uow.connection
        session = await CommandStore(connection).find_session(tag, connector_id=place.resource)
        if session is None or (session.stopped_at is not None and session.stopped_at <= at):
            return None
        has_ended = await ChargingStore(connection).has_ended(session.session_id, by=at)
        return None if has_ended else session.session_id

    async def _stop_when_full(
        self, place: Place, charging: Charging, watt_hours: int | None, turn: Turn
    ) -> None:
        if charging.session_id is None or watt_hours is None:
            return
        session = await CommandStore(turn.uow.connection).find_session(
            tag_of(charging.session_id), connector_id=place.resource
        )
        if session is None or session.limit_wh is None or session.is_to_end:
            return
        if watt_hours >= session.limit_wh:
            await put_command(
                turn.uow,
                verb=Verb.STOP,
                connector_id=place.resource,
                session_id=charging.session_id,
                now=turn.now,
            )

    async def _end_forgotten(self, place: Place, at: datetime, turn: Turn) -> None:
        """End what still runs at a connector where something new begins: its end got lost.

        It ended where its meter was last believed, and its vehicle had gone: for what nobody told of
        nobody pays.
        """
        forgotten = await ChargingStore(turn.uow.connection).find_open_at(connector_id=place.resource)
        if forgotten is not None:
            await self._forget(forgotten, place, at, turn)

    async def _forget(self, forgotten: Charging, place: Place, at: datetime, turn: Turn) -> None:
        """End a charging whose end got lost, at an instant at the latest."""
        store = ChargingStore(turn.uow.connection)
        doubt = "the station never told of its end"
        at = max(forgotten.counted_at or at, forgotten.started_at)
        await store.set(forgotten, stopped_at=at, doubt=joined(forgotten.doubt, doubt))
        await end_hold(place.resource, turn.uow)
        if forgotten.session_id is None:
            return
        for kind in (StationEventKind.STOPPED, StationEventKind.AVAILABLE):
            event = StationEvent(
                connector_id=place.resource,
                kind=kind,
                at=at,
                session_id=forgotten.session_id,
                register=None if forgotten.highest_wh is None else Energy(forgotten.highest_wh),
                why=doubt,
            )
            await self.on_event(turn.uow, event, turn.now)

    async def _tell(
        self,
        place: Place,
        kind: StationEventKind,
        charging: Charging,
        at: datetime,
        turn: Turn,
        *,
        why: str | None = None,
    ) -> None:
        if charging.session_id is None:
            return
        event = StationEvent(
            connector_id=place.resource,
            kind=kind,
            at=at,
            session_id=charging.session_id,
            register=None if charging.highest_wh is None else Energy(charging.highest_wh),
            why=why or "",
        )
        if kind is StationEventKind.STARTED:
            commands = CommandStore(turn.uow.connection)
            await commands.fulfil_starts(charging.session_id, connector_id=place.resource, now=turn.now)
        await self.on_event(turn.uow, event, turn.now)
        store = ConnectorStore(turn.uow.connection)
        state = await store.state(place)
        is_left = kind is StationEventKind.STOPPED and state.status is StationEventKind.AVAILABLE
        if is_left and state.status_at is not None and state.status_at >= at:
            left = replace(event, kind=StationEventKind.AVAILABLE, at=state.status_at, register=None, why="")
            await self.on_event(turn.uow, left, turn.now)
        elif state.status_at is None or state.status_at <= at:
            await store.set_state(place, status=kind, at=at, session_id=charging.session_id, why=why)
