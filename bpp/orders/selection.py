"""What of an order this platform can sell now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bpp.platform import Bpp
from kernel.clock import format_instant
from kernel.interval import Interval
from settlement.agreement import LONGEST_WINDOW
from storage.unit_of_work import UnitOfWork
from trading.charging.session_store import find_taken_slots
from trading.charging.slot import require_finder_fee, session_window
from trading.contract import Contract
from trading.fields import Field
from trading.meter_shares import MeterShare, find_shares, lock_shares, require_share
from trading.refusals import QuoteChanged, WindowUnavailable
from trading.request import OrderRequest, Selection, find_selection
from trading.seller_counter import CounterInvalid, SellerCounter, counter_selection


def find_sellable(bpp: Bpp, request: OrderRequest, *, now: datetime) -> Selection:
    """Return what `request` is about, if it can be bought at `now`.

    Raises: a refusal that says what of it is not to be had.
    """
    selection = _in_session(find_selection(bpp.catalogue, request, now=now), request, now=now)
    if selection.window.end <= now and not bpp.sells_past:
        raise WindowUnavailable(
            f"that window ended at {selection.window.end.isoformat()}",
            path=Field.TRADE_END,
            hint="Choose a window that ends in the future.",
        )
    require_length(selection.window)
    return selection


def require_length(window: Interval) -> None:
    """Raises: WindowUnavailable, if that is longer than a contract runs."""
    if window.duration > LONGEST_WINDOW:
        raise WindowUnavailable(
            f"a contract runs for {LONGEST_WINDOW.days} days at most", path=Field.TRADE_END
        )


def _in_session(selection: Selection, request: OrderRequest, *, now: datetime) -> Selection:
    """Return the selection; one of a charging session lasts as long as that. Raises: a refusal."""
    terms = selection.offer.terms
    require_finder_fee(request.finder_fee, terms)
    if terms.session is None:
        return selection
    window = session_window(request, selection.resource, terms.session, now=now)
    session = terms.session.promising(request.vehicle_power)
    offer = replace(selection.offer, terms=replace(terms, session=session))
    return replace(selection, window=window, offer=offer)


async def require_meter_open(
    wanted: MeterShare, uow: UnitOfWork, *, now: datetime, but: str | None = None
) -> None:
    """Let pass what the source's meter can serve beside all contracts but one. Nothing is held.

    Raises: ShareUnavailable, MeterSharedOtherwise.
    """
    require_share(wanted, await find_shares(uow.connection, wanted, now=now, but=but))


async def fit_slot(
    selection: Selection, request: OrderRequest, uow: UnitOfWork, *, now: datetime, but: str | None = None
) -> Selection:
    """Return the selection; a session whose end is left open ends where the next slot of its plug begins.

    Raises: WindowUnavailable, if the plug is taken.
    """
    if selection.offer.terms.session is None:
        return selection
    mrid, window = selection.resource.source.mrid, selection.window
    taken = await find_taken_slots(uow.connection, mrid, window, now=now, but=but)
    if taken and request.trade_end is None and window.start < taken[0].start:
        return replace(selection, window=Interval(window.start, taken[0].start))
    require_free(taken)
    return selection


def as_countered(selection: Selection, counter: SellerCounter | None) -> Selection:
    """Return what was selected as its seller would sell it. Raises: QuoteChanged, if it cannot be."""
    if counter is None:
        return selection
    try:
        return counter_selection(selection, counter)
    except CounterInvalid as error:
        raise QuoteChanged(
            f"the offer became another while its seller was asked: {error}",
            hint="Send the same request again, under a new message id.",
        ) from error


def require_free(taken: Sequence[Interval]) -> None:
    """Raises: WindowUnavailable, if others have the plug in any of that time."""
    if taken:
        raise WindowUnavailable(
            f"the plug is taken from {format_instant(taken[0].start)} until {format_instant(taken[-1].end)}",
            path=Field.TRADE_START,
            hint="Choose another time, or discover again for other plugs.",
        )


async def hold_meter(contract: Contract, uow: UnitOfWork, *, now: datetime) -> None:
    """Let a contract pass that its source's meter can serve beside all others, if it is kept by this unit.

    Raises: ShareUnavailable, MeterSharedOtherwise.
    """
    await lock_shares(uow.connection, contract.source_mrid)
    if contract.terms.session is not None:
        mrid, window = contract.source_mrid, contract.window
        require_free(await find_taken_slots(uow.connection, mrid, window, now=now, but=contract.id))
    wanted = MeterShare(
        mrid=contract.source_mrid, window=contract.window, percent=contract.terms.share_percent
    )
    await require_meter_open(wanted, uow, now=now, but=contract.id)
