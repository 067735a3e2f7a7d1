"""Charging sessions as contracts are confirmed and amended: opened, and moved to another slot."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bpp.charging.sessions import get_session, tell_plug
from bpp.charging.stalls import with_ledger
from bpp.platform import Bpp
from kernel.interval import Interval
from stations.port import Verb
from storage.unit_of_work import UnitOfWork
from trading.charging.fees import SessionTerms
from trading.charging.session import Session
from trading.charging.session_course import (
    SessionNotThere,
    next_look,
)
from trading.charging.session_states import SessionState
from trading.charging.session_store import SessionStore
from trading.contract import Contract


async def open_session(bpp: Bpp, contract: Contract, uow: UnitOfWork, *, now: datetime) -> Contract:
    """Return a contract that was just confirmed, with its session open if it is sold in one."""
    terms = contract.terms.session
    if terms is None:
        return contract
    connector = bpp.catalogue.get_resource(contract.resource_id).connector
    slot = contract.window
    session = Session(
        contract_id=contract.id,
        plug=contract.resource_id,
        slot=slot,
        is_reserved=slot.start > now,
        start_by=_start_by(slot, terms, now=now),
        most=contract.quantity + terms.extra,
        connector_type=None if connector is None else connector.type.value,
        max_power=None if connector is None else connector.max_power,
    )
    if terms.stall is not None:
        session = await with_ledger(bpp, session, terms.stall, uow, now=now)
    await SessionStore(uow.connection).save(session)
    if session.is_reserved:
        await tell_plug(bpp, session, Verb.RESERVE, uow, now=now)
    return replace(contract, refresh_at=next_look(session, now=now))


async def amend_session(bpp: Bpp, contract: Contract, uow: UnitOfWork, *, now: datetime) -> Contract:
    """Return a contract that was amended before delivery, with its session moved to the slot it has now.

    Raises: SessionNotThere, once somebody has started it.
    """
    terms = contract.terms.session
    if terms is None or not contract.is_binding:
        return contract
    session = await get_session(contract, uow)
    if session.state is not SessionState.RESERVED:
        raise SessionNotThere(f"the session is {session.state}", hint="Stop it, and order anew.")
    moved = replace(
        session,
        slot=contract.window,
        start_by=_start_by(contract.window, terms, now=now),
        most=contract.quantity + terms.extra,
    )
    await SessionStore(uow.connection).save(moved)
    if moved.start_by != session.start_by:
        await tell_plug(bpp, moved, Verb.RESERVE, uow, now=now)
    return replace(contract, refresh_at=next_look(moved, now=now))


def _start_by(slot: Interval, terms: SessionTerms, *, now: datetime) -> datetime:
    """Return until when a slot is kept for its driver."""
    grace = terms.start_grace
    return slot.end if grace is None else min(slot.end, max(slot.start, now) + grace)
