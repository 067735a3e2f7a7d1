"""When a charging session can be had: a walk-in begins now, a reserved slot at its time. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from kernel.interval import EmptyInterval, Interval
from trading.charging.fees import SessionTerms
from trading.charging.stall_terms import StallOffer
from trading.fields import Field
from trading.offer import Resource
from trading.refusals import FieldInvalid, WindowUnavailable
from trading.request import FinderFee, OrderRequest
from trading.terms import Terms

_MINUTE: Final = timedelta(minutes=1)
_WHOLE: Final = 0
"""Slots begin and end on whole seconds, which every wire can write."""
LEAD: Final = timedelta(hours=1)
"""How long ahead a stall is reserved at least (rule N3 of the network of the draft)."""


def session_window(
    request: OrderRequest, resource: Resource, terms: SessionTerms, *, now: datetime
) -> Interval:
    """Return when the session may last: as asked for, else from now on as long as one may last at most.

    Raises: WindowUnavailable.
    """
    start = request.trade_start or now.replace(microsecond=_WHOLE)
    end = request.trade_end or min(start + terms.longest, resource.production.end)
    try:
        window = Interval(start, end)
    except EmptyInterval as error:
        raise WindowUnavailable("the session ends before it starts", path=Field.TRADE_START) from error
    if window.duration > terms.longest:
        raise WindowUnavailable(
            f"a session lasts {terms.longest} at most", path=Field.TRADE_END, hint="Ask for a shorter one."
        )
    _require_reservable(window, resource, now=now)
    if terms.stall is not None:
        _require_mode(terms.stall, request, now=now)
        _require_grace(terms.stall, window)
    return window


def _require_mode(stall: StallOffer, request: OrderRequest, *, now: datetime) -> None:
    """Let a start be named where the offer is of reservations, in time, and only there."""
    start = request.trade_start
    if stall.terms.reservation is None:
        if start is not None and start > now:
            raise WindowUnavailable(
                "the offer is for who walks in",
                path=Field.TRADE_START,
                hint="Leave the start out, or take an offer of reservations.",
            )
    elif start is None or start < now + LEAD:
        raise WindowUnavailable(
            f"a stall is reserved {LEAD // _MINUTE} minutes ahead at least",
            path=Field.TRADE_START,
            hint="Name a later start, or take an offer for who walks in.",
        )


def _require_grace(stall: StallOffer, window: Interval) -> None:
    """Let a slot be long enough for its driver to be waited for as long as was agreed."""
    if window.duration < stall.terms.grace:
        raise WindowUnavailable(
            f"a stall is kept for {stall.terms.grace // _MINUTE} minutes, and the session is shorter",
            path=Field.TRADE_END,
            hint="Ask for a longer one.",
        )


def _require_reservable(window: Interval, resource: Resource, *, now: datetime) -> None:
    connector = resource.connector
    if connector is not None and not connector.reservable and window.start > now:
        raise WindowUnavailable(
            f"{resource.id} takes no reservations",
            path=Field.TRADE_START,
            hint="Leave the start out when you stand at the plug.",
        )


def require_finder_fee(asked: FinderFee | None, terms: Terms) -> None:
    """Let an order pass that names no fee for the buyer's platform, or the one of the offer.

    Raises: FieldInvalid.
    """
    charge = terms.session.finder if terms.session else None
    agreed = FinderFee.of(charge.value) if charge else None
    if asked is not None and asked != agreed:
        raise FieldInvalid(
            "the buyer finder fee is not that of the offer",
            path=Field.ORDER,
            hint=f"The offer has {agreed}." if agreed else "The offer has none.",
        )
