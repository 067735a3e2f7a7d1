"""Charging sessions of contracts: moved by buyers, stations and time.

A contract that is sold in a session is settled once that is over; until then only what was counted so far is
told of it. Whoever moves a session has locked its contract, and saves that afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from bpp.charging.stalls import ready
from bpp.platform import Bpp
from kernel.energy import Energy
from stations.command_store import put_command
from stations.port import Verb
from storage.unit_of_work import UnitOfWork
from trading.charging.session import Session
from trading.charging.session_course import (
    SessionNotThere,
    due_event,
    happen,
    heard,
    next_look,
    require_startable,
)
from trading.charging.session_states import SessionEvent, SessionState
from trading.charging.session_store import SessionEntry, SessionStore
from trading.charging.stall_keeping import withdraw
from trading.contract import Contract
from trading.lifecycle import ContractStatus
from trading.refusals import CancellationNotAllowed
from trading.request import SessionWish
from trading.stock import Stock
from trading.wheeling import Side

log = structlog.get_logger(__name__)

_SECOND: Final = timedelta(seconds=1)
_UNDER_WAY: Final = frozenset(
    {
        SessionState.STARTING,
        SessionState.CHARGING,
        SessionState.SUSPENDED,
        SessionState.INTERRUPTED,
    }
)
"""States in which a session was started already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What was heard of a session: the event and when it was, what the meter stood at, and why.

    `grid_event` is what of the grid makes its plug give less.
    """

    event: SessionEvent
    at: datetime
    register: Energy | None = None
    why: str = ""
    grid_event: str | None = None


async def obey(
    bpp: Bpp, contract: Contract, wish: SessionWish, uow: UnitOfWork, *, now: datetime
) -> Contract:
    """Return the contract after its buyer wished its session to start or stop; a second wish changes nothing.

    Raises: SessionNotThere.
    """
    session = await get_session(contract, uow)
    if wish is SessionWish.START:
        if session.state in _UNDER_WAY:
            return contract
        require_startable(session, now=now)
        session = await ready(bpp, contract, session, uow, now=now)
        return await _start(bpp, contract, session, uow, now=now)
    if session.state in (SessionState.STOPPING, SessionState.FINISHED) or not session.is_open:
        return contract
    if session.state is SessionState.RESERVED:
        raise SessionNotThere("the session was not started", hint="Cancel the order instead.")
    return await _stop(bpp, contract, session, uow, now=now)


async def tell_session(contract: Contract, news: News, uow: UnitOfWork, *, now: datetime) -> Contract | None:
    """Return the contract after something was heard of its session, None if that changes nothing.

    Raises: SessionNotThere.
    """
    session = await get_session(contract, uow)
    moved = heard(session, news.event, at=news.at, why=news.why, grid_event=news.grid_event)
    if moved == session:
        return None
    return await _moved(contract, [moved], [news], uow, now=now)


async def look_at_session(
    bpp: Bpp, contract: Contract, uow: UnitOfWork, *, now: datetime
) -> tuple[Contract, Session | None]:
    """Return a contract with what time alone made of its session, and the session, if it has one."""
    if contract.terms.session is None:
        return contract, None
    session = await SessionStore(uow.connection).find(contract.id)
    if session is None or not session.is_open:
        return contract, session
    session = await ready(bpp, contract, session, uow, now=now)
    event = due_event(session, now=now)
    if event is SessionEvent.STOP:
        contract = await _stop(bpp, contract, session, uow, now=now, why="its slot is over")
    elif event is not None:
        own = session.why if event is SessionEvent.UNSERVED else ""
        why = "" if event is SessionEvent.MISSED else own or "nothing was heard of it any more"
        moved = happen(session, event, at=now, why=why)
        if event in (SessionEvent.MISSED, SessionEvent.UNSERVED):
            await tell_plug(bpp, moved, Verb.RELEASE, uow, now=now)
        contract = await _moved(contract, [moved], [News(event=event, at=now, why=why)], uow, now=now)
    session = await get_session(contract, uow)
    if session.is_open:
        contract = replace(contract, refresh_at=next_look(session, now=now))
    return contract, session


async def cancel_session(bpp: Bpp, contract: Contract, uow: UnitOfWork, *, side: Side, now: datetime) -> None:
    """End the session of a contract that `side` is cancelling.

    A buyer whose offer has terms of cancellation owes by them, and nothing for the slot; so does a seller.
    Raises: CancellationNotAllowed, once it has begun.
    """
    if contract.terms.session is None or not contract.is_binding:
        return
    session = await get_session(contract, uow)
    if session.state not in (SessionState.RESERVED, SessionState.STARTING):
        raise CancellationNotAllowed(
            f"the session of {contract.id} is {session.state}", hint="Stop it by an update."
        )
    ended = withdraw(session, at=now) if side is Side.SELLER else happen(session, SessionEvent.CANCEL, at=now)
    if contract.terms.cancellation_of(side) is not None:
        ended = replace(ended, is_missed=False)
    await _keep([ended], [News(event=SessionEvent.CANCEL, at=now)], uow, now=now)
    verb = Verb.STOP if session.state is SessionState.STARTING else Verb.RELEASE
    await tell_plug(bpp, ended, verb, uow, now=now)


async def get_session(contract: Contract, uow: UnitOfWork) -> Session:
    """Raises: SessionNotThere, of a contract that is sold otherwise."""
    session = await SessionStore(uow.connection).find(contract.id)
    if session is None:
        raise SessionNotThere(
            f"the order {contract.id} has no charging session", hint="Confirm an order for a plug first."
        )
    return session


async def _start(
    bpp: Bpp, contract: Contract, session: Session, uow: UnitOfWork, *, now: datetime
) -> Contract:
    events = [News(event=SessionEvent.START, at=now)]
    if session.plug not in bpp.plugs:
        events.append(News(event=SessionEvent.STARTED, at=now.replace(microsecond=0)))
    await tell_plug(bpp, session, Verb.START, uow, now=now)
    return await _moved(contract, _after(session, events), events, uow, now=now)


async def _stop(
    bpp: Bpp, contract: Contract, session: Session, uow: UnitOfWork, *, now: datetime, why: str = ""
) -> Contract:
    """Return the contract after its session was told to stop.

    One that was told to start and did not is over; at a plug that nobody moves, so is any other, without a
    second of idle time, at a whole second: its meter counts in these.
    """
    if session.state is SessionState.STARTING:
        events = [News(event=SessionEvent.CANCEL, at=now, why=why)]
    elif session.plug in bpp.plugs:
        events = [News(event=SessionEvent.STOP, at=now, why=why)]
    else:
        whole = now.replace(microsecond=0)
        at = whole if whole == now else whole + _SECOND
        events = [News(event=each, at=at, why=why) for each in (SessionEvent.STOP, SessionEvent.LEFT)]
    await tell_plug(bpp, session, Verb.STOP, uow, now=now)
    return await _moved(contract, _after(session, events), events, uow, now=now)


def _after(session: Session, events: Sequence[News]) -> list[Session]:
    """Return the session after each of some events."""
    states = [session]
    for news in events:
        states.append(happen(states[-1], news.event, at=news.at, why=news.why))
    return states[1:]


async def _moved(
    contract: Contract, states: Sequence[Session], events: Sequence[News], uow: UnitOfWork, *, now: datetime
) -> Contract:
    """Keep a session after some events, and return its contract, which is looked at again in time.

    It may have to be looked at before for another reason: what is proposed of it lapses.
    """
    await _keep(states, events, uow, now=now)
    session = states[-1]
    if session.is_open:
        due = min(next_look(session, now=now), contract.refresh_at or session.slot.end)
    else:
        due = now
        await Stock(uow.connection).release(contract.id, resource_id=contract.resource_id)
    return replace(contract, window=session.window, refresh_at=due, updated_at=now)


async def _keep(states: Sequence[Session], events: Sequence[News], uow: UnitOfWork, *, now: datetime) -> None:
    store = SessionStore(uow.connection)
    await store.save(states[-1])
    for news, session in zip(events, states, strict=True):
        entry = SessionEntry(
            at=news.at, event=news.event, state=session.state, register=news.register, why=news.why
        )
        await store.note(session, entry, now=now)
    log.info(
        "session.moved",
        contract=states[-1].contract_id,
        plug=states[-1].plug,
        what=events[-1].event.value,
        state=states[-1].state.value,
    )


async def tell_plug(bpp: Bpp, session: Session, verb: Verb, uow: UnitOfWork, *, now: datetime) -> None:
    """Have the plug told, if there is a station that moves it."""
    if session.plug not in bpp.plugs:
        return
    until = {Verb.START: session.slot.end, Verb.RESERVE: session.start_by}.get(verb)
    await put_command(
        uow,
        verb=verb,
        connector_id=session.plug,
        session_id=session.contract_id,
        now=now,
        until=until,
        limit=session.most if verb is Verb.START else None,
    )


def is_settled_later(contract: Contract, session: Session | None) -> bool:
    """Say whether a contract waits for its session before anything of it is settled."""
    return session is not None and session.is_open and contract.status is ContractStatus.ACTIVE
