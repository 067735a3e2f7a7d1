"""What of a meter's energy counts for each of its trades. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from bpp.utility.sanction import Use
from bpp.utility.trades import Trade
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.proportion import split_whole
from trading.grid_statement import Allocation
from trading.wheeling import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """What a customer's meter gave (of a SELLER) or took (of a BUYER) in a period."""

    mrid: str
    side: Side
    period: Interval
    counted: Energy


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What of it counts for a trade."""

    trade: Trade
    allocation: Allocation


def apportion(trades: Sequence[Trade], metered: Metered) -> list[Share]:
    """Return a share for each of a meter's trades that were to flow in the period.

    It is what was traded or, where the meter counted less than all of them, that pro rata, in whole Wh that
    add up. Source: the guide on trades between neighbours, which has utilities apportion pro rata.
    """
    traded = {trade.key: _within(trade.uses, metered.period) for trade in trades}
    meant = [trade for trade in trades if traded[trade.key] > 0]
    weights = [traded[trade.key] for trade in meant]
    counted = metered.counted.watt_hours
    shares = split_whole(counted, weights) if meant and counted < sum(weights) else weights
    return [_share(trade, metered, share) for trade, share in zip(meant, shares, strict=True)]


def _within(uses: Sequence[Use], period: Interval) -> int:
    return int(sum((use.within(period) for use in uses), Fraction(0)))


def _share(trade: Trade, metered: Metered, watt_hours: int) -> Share:
    """Return the share of a trade; what the whole meter counted is told where it is of the same period."""
    period = metered.period.intersection(trade.use.window) or metered.period
    whole = metered.counted if period == metered.period else None
    return Share(
        trade=trade,
        allocation=Allocation(
            period=period,
            allocated=Energy(watt_hours),
            consumed=whole if metered.side is Side.BUYER else None,
            produced=whole if metered.side is Side.SELLER else None,
        ),
    )
