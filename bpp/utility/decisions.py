"""What a utility decides of a trade. Pure: it takes the trade and the time, and returns it as it is then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bpp.utility.sanction import Use, before, total
from bpp.utility.trades import NO_USE, Trade, TradeState
from kernel.energy import Energy
from kernel.interval import Interval
from trading.curtailment import Curtailment, NotCurtailable, check_cut
from trading.delivery import CurtailmentReason, Cut
from trading.fields import Field
from trading.grid import GridRequest
from trading.refusals import (
    AlreadyCancelled,
    AlreadyConfirmed,
    CancellationNotAllowed,
    QuoteChanged,
    QuoteExpired,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """What a utility's operator wants to cut of a trade in all: from now on, where no instant is said."""

    reason: CurtailmentReason
    quantity: Energy | None = None
    since: datetime | None = None


def require_replaceable(trade: Trade) -> None:
    """Let a new init take the place of a trade that never was confirmed, also of one that was given up.

    Raises: AlreadyConfirmed, AlreadyCancelled.
    """
    if trade.confirmed_at is None:
        return
    _require_open(trade)
    raise AlreadyConfirmed(f"the trade {trade.order_id} is confirmed", hint="Use update or cancel.")


def confirm(trade: Trade, request: GridRequest, *, now: datetime) -> Trade:
    """Return the trade as one that flows; a second confirm changes nothing.

    Raises: AlreadyCancelled, QuoteExpired, QuoteChanged.
    """
    _require_open(trade)
    if trade.has_lapsed(now):
        raise QuoteExpired(
            f"the trade was held until {trade.hold_until.isoformat()}", hint="Send init again."
        )
    if _agreed(request) != _agreed(trade.request):
        raise QuoteChanged(
            "the trade differs from the one that was let pass", path=Field.ORDER, hint="Send init again."
        )
    if trade.state is TradeState.CONFIRMED:
        return trade
    return replace(trade, state=TradeState.CONFIRMED, confirmed_at=now, updated_at=now)


def change(trade: Trade, request: GridRequest, *, now: datetime) -> Trade:
    """Return the trade for another quantity or window.

    Raises: AlreadyCancelled, QuoteExpired, QuoteChanged.
    """
    _require_open(trade)
    if trade.has_lapsed(now):
        raise QuoteExpired(f"the trade was held until {trade.hold_until.isoformat()}")
    changed = replace(trade.request, quantity=request.quantity, window=request.window)
    if _agreed(request) != _agreed(changed):
        raise QuoteChanged("only quantity and window of a trade can be changed", path=Field.ORDER)
    use = Use(window=request.window, quantity=request.quantity)
    return replace(trade, request=changed, use=use, updated_at=now)


def cancel(trade: Trade, *, now: datetime) -> Trade:
    """Return the trade as ended: what has not flowed by now counts no more.

    Raises: AlreadyCancelled, CancellationNotAllowed.
    """
    _require_open(trade)
    window = trade.use.window
    if trade.state is TradeState.CONFIRMED and now >= window.end:
        raise CancellationNotAllowed(f"the trade {trade.order_id} is over")
    use = Use(window=window, quantity=NO_USE)
    if trade.state is TradeState.CONFIRMED and now > window.start:
        use = Use(window=Interval(window.start, now), quantity=total(before(trade.uses, now)))
    return replace(trade, state=TradeState.CANCELLED, use=use, ended_at=now, updated_at=now)


def curtail(trade: Trade, wanted: Cutting, *, now: datetime) -> Curtailment:
    """Return what is cut of a trade that flows, in all: all that was yet to flow, where no quantity is said.

    Raises: NotCurtailable, CurtailmentContradicted, CurtailmentInvalid.
    """
    if trade.state is not TradeState.CONFIRMED:
        raise NotCurtailable(
            f"the trade {trade.order_id} is {trade.state}", hint="Only what is CONFIRMED can be curtailed."
        )
    since = wanted.since or max(now, trade.use.window.start)
    quantity = wanted.quantity or trade.use.quantity - total(before(trade.uses, since))
    found = Curtailment(cut=Cut(quantity=quantity, reason=wanted.reason), since=since)
    if found not in trade.cuts:
        last = trade.cuts[-1] if trade.cuts else None
        check_cut(found, of=trade.use.quantity, window=trade.use.window, last=last)
    return found


def hear_cut(trade: Trade, request: GridRequest, told: Curtailment) -> bool:
    """Let pass what a platform says was cut of a trade that flows; say whether that is new.

    Of cuts that come in another order than they were made, each holds. The trade may be let pass for another
    quantity meanwhile, so that is not compared.
    Raises: AlreadyCancelled, NotCurtailable, QuoteChanged, CurtailmentInvalid.
    """
    _require_open(trade)
    if trade.state is not TradeState.CONFIRMED:
        raise NotCurtailable(f"the trade {trade.order_id} is {trade.state}", hint="Send confirm first.")
    same = replace(request, quantity=trade.request.quantity, window=trade.request.window)
    if _agreed(same) != _agreed(trade.request):
        raise QuoteChanged("the trade is between other meters or utilities", path=Field.ORDER)
    check_cut(told, of=trade.request.quantity, window=trade.request.window, last=None)
    return told not in trade.cuts


def _require_open(trade: Trade) -> None:
    if trade.state is TradeState.CANCELLED:
        raise AlreadyCancelled(f"the trade {trade.order_id} was cancelled before")


def _agreed(request: GridRequest) -> tuple[object, ...]:
    return (
        request.source_meter,
        request.target_meter,
        request.buyer_utility,
        request.seller_utility,
        request.quantity,
        request.window,
    )
