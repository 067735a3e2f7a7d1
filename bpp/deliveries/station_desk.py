"""What stations tell, brought to the contracts that it is about; their buyers are told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from bpp.charging.sessions import News, tell_session
from bpp.deliveries.upkeep import refresh
from bpp.platform import Bpp
from stations.limits import LimitStore
from stations.port import Acceptance, CommandResult, StationCommand, StationEvent, StationEventKind, Verb
from storage.unit_of_work import UnitOfWork
from trading.charging.session_course import SessionNotThere
from trading.charging.session_states import SessionEvent
from trading.charging.session_store import SessionStore
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.refusals import OrderNotFound

log = structlog.get_logger(__name__)

_MEANING: Final[Mapping[StationEventKind, SessionEvent]] = {
    StationEventKind.AVAILABLE: SessionEvent.LEFT,
    StationEventKind.STARTED: SessionEvent.STARTED,
    StationEventKind.SUSPENDED_BY_CAR: SessionEvent.SATED,
    StationEventKind.SUSPENDED_BY_STATION: SessionEvent.SUSPENDED,
    StationEventKind.RESUMED: SessionEvent.RESUMED,
    StationEventKind.STOPPED: SessionEvent.STOPPED,
    StationEventKind.FAULTED: SessionEvent.INTERRUPTED,
    StationEventKind.OFFLINE: SessionEvent.INTERRUPTED,
    StationEventKind.ONLINE: SessionEvent.FOUND,
}
"""What an event at a plug is for the session there; that something was plugged in is nothing to it."""

_WORDS: Final[Mapping[StationEventKind, str]] = {
    StationEventKind.FAULTED: "the plug has a fault",
    StationEventKind.OFFLINE: "nothing is heard of the station",
}
_FLOWS_AGAIN: Final = frozenset({StationEventKind.RESUMED, StationEventKind.ONLINE})
"""After these a limit that the plug is held to is news again."""
_WATTS_PER_KILOWATT: Final = 1000
_TOO_LATE: Final = "nothing was plugged in as long as the plug waited for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class StationDesk:
    """The sessions' side of stations: give its methods to whoever speaks with these."""

    bpp: Bpp

    async def on_event(self, uow: UnitOfWork, event: StationEvent, now: datetime) -> None:
        """Bring what happened at a plug to the session there, and tell its buyer; others are passed over."""
        meaning = _MEANING.get(event.kind)
        if meaning is None:
            return
        session_id = event.session_id or await SessionStore(uow.connection).open_at(
            event.connector_id, at=event.at
        )
        why = event.why or _WORDS.get(event.kind, "")
        news = News(event=meaning, at=event.at, register=event.register, why=why, grid_event=event.grid_event)
        if event.kind is StationEventKind.AVAILABLE:
            await self._tell(session_id, replace(news, event=SessionEvent.TIMED_OUT, why=_TOO_LATE), uow, now)
        if event.kind is StationEventKind.SUSPENDED_BY_STATION and event.grid_event is None:
            news = replace(news, grid_event=await _grid_event_at(event.connector_id, uow))
        await self._tell(session_id, news, uow, now)
        if event.kind in _FLOWS_AGAIN and session_id is not None:
            await self._tell_limit(event.connector_id, session_id, event.at, uow, now)

    async def on_result(
        self, uow: UnitOfWork, command: StationCommand, result: CommandResult, now: datetime
    ) -> None:
        """Tell the buyer of a start or a stop that the plug will not do, and of a limit that it took."""
        if command.verb in (Verb.LIMIT, Verb.LIFT):
            await self._tell_power(command, result, uow, now)
            return
        if result.acceptance is Acceptance.ACCEPTED or command.verb not in (Verb.START, Verb.STOP):
            return
        why = f"the plug did not {command.verb.lower()}: {result.why or result.acceptance.lower()}"
        await self._tell(command.session_id, News(event=SessionEvent.REJECTED, at=now, why=why), uow, now)

    async def _tell_power(
        self, command: StationCommand, result: CommandResult, uow: UnitOfWork, now: datetime
    ) -> None:
        """Tell the buyer what became of a limit: one that the plug did not take changes nothing.

        One that it keeps although it was lifted is the operator's, whoever wanted it.
        """
        if not command.session_id:
            return
        if command.verb is Verb.LIMIT:
            await self._tell_limit(command.connector_id, command.session_id, now, uow, now)
        elif await LimitStore(uow.connection).find(command.connector_id) is None:
            is_free = result.acceptance is Acceptance.ACCEPTED
            news = News(
                event=SessionEvent.UNLIMITED if is_free else SessionEvent.LIMITED,
                at=now,
                why="" if is_free else f"the plug still gives less: {result.why}",
            )
            await self._tell(command.session_id, news, uow, now)

    async def _tell_limit(
        self, connector_id: str, session_id: str, at: datetime, uow: UnitOfWork, now: datetime
    ) -> None:
        """Tell the buyer that the plug is held to a limit, if that is less than was promised."""
        limit = await LimitStore(uow.connection).find(connector_id)
        contract = await _find(session_id, uow)
        if limit is None or limit.held_since is None or contract is None:
            return
        terms = contract.terms.session
        promised = None if terms is None or terms.stall is None else terms.stall.promised
        news = News(event=SessionEvent.LIMITED, at=at, why=limit.words, grid_event=limit.grid_event)
        if promised is not None and limit.watts >= promised * _WATTS_PER_KILOWATT:
            news = News(event=SessionEvent.UNLIMITED, at=at)
        await self._tell(session_id, news, uow, now)

    async def _tell(self, session_id: str | None, news: News, uow: UnitOfWork, now: datetime) -> None:
        contract = None if session_id is None else await _find(session_id, uow)
        if contract is None:
            return
        try:
            moved = await tell_session(contract, news, uow, now=now)
        except SessionNotThere:
            log.info("session.unknown", contract=contract.id, what=news.event.value)
            return
        if moved is not None:
            await refresh(self.bpp, moved, uow, now=now)


async def _grid_event_at(connector_id: str, uow: UnitOfWork) -> str | None:
    """Return the event of the grid for which a plug is held to a limit, None if it is to none."""
    limit = await LimitStore(uow.connection).find(connector_id)
    return None if limit is None or limit.held_since is None else limit.grid_event


async def _find(contract_id: str, uow: UnitOfWork) -> Contract | None:
    """Return the contract, held until the unit of work ends; None if there is none of that id."""
    try:
        return await ContractStore(uow.connection).get(contract_id, lock=True)
    except OrderNotFound:
        return None
