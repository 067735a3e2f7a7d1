"""Stalls that are sold by the minute: the ledger of a session begins, and its stall becomes ready for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from bpp.charging.plugs import find_out_of_order, settled_since
from bpp.platform import Bpp
from storage.unit_of_work import UnitOfWork
from trading.charging.session import Session
from trading.charging.session_store import SessionStore
from trading.charging.stall_keeping import assign
from trading.charging.stall_ledger import StallRows, StallState, append
from trading.charging.stall_terms import StallOffer
from trading.contract import Contract

_NOTHING: Final[StallRows] = ()


async def with_ledger(
    bpp: Bpp, session: Session, stall: StallOffer, uow: UnitOfWork, *, now: datetime
) -> Session:
    """Return a session that was just confirmed with its ledger; who walks in has the stall, if it is free."""
    grace = stall.terms.grace
    if not session.is_reserved and await _ready_at(bpp, session, uow, now=now) is not None:
        return assign(replace(session, rows=_NOTHING), at=now, grace=grace)
    return replace(session, rows=append(_NOTHING, StallState.QUEUED, at=now))


async def ready(bpp: Bpp, contract: Contract, session: Session, uow: UnitOfWork, *, now: datetime) -> Session:
    """Return a session that waits for its stall, which it has from now on if that is free and works."""
    terms = contract.terms.session
    if terms is None or terms.stall is None or not session.is_queued or now < session.slot.start:
        return session
    at = await _ready_at(bpp, session, uow, now=now)
    if at is None:
        return session
    assigned = assign(session, at=at, grace=terms.stall.terms.grace)
    await SessionStore(uow.connection).save(assigned)
    return assigned


async def _ready_at(bpp: Bpp, session: Session, uow: UnitOfWork, *, now: datetime) -> datetime | None:
    """Return since when the stall could be had within the slot, None if it cannot be had now.

    It cannot while another vehicle is there that charged, or while its plug has a fault or is not heard of.
    """
    store = SessionStore(uow.connection)
    left = await store.free_since(session.plug, before=now)
    if left is None:
        return None
    since = max(session.slot.start, left)
    if session.plug not in bpp.plugs:
        return since
    if session.plug in await find_out_of_order(uow):
        return None
    return max(since, await settled_since(session.plug, uow) or since)
