"""What a utility's customers can still trade beside what was let pass."""

from __future__ import annotations

from datetime import datetime

from bpp.utility.register import Utility
from bpp.utility.sanction import Sanction, Use
from bpp.utility.trades import Trade, TradeState, TradeStore
from kernel.energy import ZERO_ENERGY
from kernel.interval import Interval
from trading.fields import Field
from trading.grid import TradingLimit
from trading.refusals import QuantityUnavailable, UtilityNotAdmitted
from trading.wheeling import Side


async def require_room(utility: Utility, trade: Trade, store: TradeStore, *, now: datetime) -> None:
    """Let a trade pass that fits into the limits of all its customers, whose meters are locked.

    A refusal is told on to the buyer, so it has no figure of the seller's.
    Raises: QuantityUnavailable.
    """
    for side, mrid in trade.meters.items():
        sanction = _sanction(utility, mrid)
        uses = await _uses(sanction, trade.use.window, mrid, side, store, now=now, but=trade)
        left = sanction.remaining(trade.use.window, uses)
        if trade.use.quantity > left and side is Side.SELLER:
            raise QuantityUnavailable(
                f"the seller's connection is not sanctioned for {trade.use.quantity} more in that window",
                path=Field.QUANTITY,
                hint="Trade less, or choose another window.",
            )
        if trade.use.quantity > left:
            raise QuantityUnavailable(
                f"the buyer's connection is sanctioned for {left} more in that window, "
                f"and {trade.use.quantity} were asked for",
                path=Field.QUANTITY,
                hint=f"Trade at most {left}." if left > ZERO_ENERGY else "Choose another window.",
            )


async def limit_of(
    utility: Utility, trade: Trade, store: TradeStore, *, now: datetime
) -> TradingLimit | None:
    """Return what the customer of a trade can still trade in its window: the buyer, if both are customers.

    None is for a meter that is no customer's any more.
    """
    side = Side.BUYER if Side.BUYER in trade.meters else Side.SELLER
    mrid, window = trade.meters[side], trade.request.window
    sanction = utility.customers.get(mrid)
    if sanction is None:
        return None
    uses = await _uses(sanction, window, mrid, side, store, now=now)
    return TradingLimit(
        remaining=sanction.remaining(window, uses),
        load=sanction.load(window, uses),
        valid_until=trade.hold_until if trade.state is TradeState.HELD else None,
    )


async def _uses(
    sanction: Sanction,
    window: Interval,
    mrid: str,
    side: Side,
    store: TradeStore,
    *,
    now: datetime,
    but: Trade | None = None,
) -> list[Use]:
    """Return what takes of a limit in all the periods that a window touches."""
    periods = sanction.periods(window)
    span = Interval(min(period.start for period in periods), max(period.end for period in periods))
    return await store.uses(mrid, side, span, now=now, but=but)


def _sanction(utility: Utility, mrid: str) -> Sanction:
    """Return what a customer is sanctioned for. Raises: UtilityNotAdmitted, if it is none any more."""
    sanction = utility.customers.get(mrid)
    if sanction is None:
        raise UtilityNotAdmitted(
            f"a meter of this trade is no customer's of {utility.subscriber_id} any more"
        )
    return sanction
