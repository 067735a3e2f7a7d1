"""What a meter counted is shared among its trades: as they were traded, or pro rata where it is less."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bpp.utility.apportioning import Metered, apportion
from bpp.utility.sanction import Use
from bpp.utility.trades import Trade, TradeState
from kernel.energy import Energy
from kernel.interval import Interval
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut
from trading.grid import GridRequest
from trading.terms import SettlementType
from trading.wheeling import Side

DAY = datetime(2026, 1, 9, tzinfo=UTC)
METER = "00000000000000000000000000000007"


def hours(start: float, end: float) -> Interval:
    return Interval(DAY + timedelta(hours=start), DAY + timedelta(hours=end))


def trade(order_id: str, start: float, end: float, watt_hours: int) -> Trade:
    """Return a confirmed trade of the seller's meter."""
    request = GridRequest(
        order_id=order_id,
        buyer_platform="bap.example",
        seller_platform="bpp.example",
        buyer_utility="other.example",
        seller_utility="valley.example",
        buyer_id="b",
        provider_id="p",
        resource_id="r",
        offer_id="o",
        source_meter=METER,
        target_meter="8",
        quantity=Energy(watt_hours),
        window=hours(start, end),
        settlement=SettlementType.DAILY,
        zone="UTC",
    )
    return Trade(
        platform="bpp.example",
        order_id=order_id,
        transaction_id="t",
        request=request,
        meters={Side.SELLER: METER},
        use=Use(window=request.window, quantity=request.quantity),
        wheeling=(),
        state=TradeState.CONFIRMED,
        created_at=DAY,
        updated_at=DAY,
        hold_until=DAY,
        confirmed_at=DAY,
    )


TRADES = [trade("long", 8, 12, 8_000), trade("short", 10, 11, 1_000), trade("later", 12, 13, 5_000)]


def metered(start: float, end: float, watt_hours: int, side: Side = Side.SELLER) -> Metered:
    return Metered(mrid=METER, side=side, period=hours(start, end), counted=Energy(watt_hours))


@pytest.mark.parametrize(
    ("counted", "shares"),
    [
        (4_000, {"long": 2_000, "short": 1_000}),  # more than was traded is nobody's
        (3_000, {"long": 2_000, "short": 1_000}),
        (1_000, {"long": 667, "short": 333}),
        (0, {"long": 0, "short": 0}),
    ],
)
def test_a_meter_that_counts_less_than_was_traded_is_shared_pro_rata(
    counted: int, shares: dict[str, int]
) -> None:
    found = apportion(TRADES, metered(10, 11, counted))
    assert {each.trade.order_id: each.allocation.allocated.watt_hours for each in found} == shares
    assert all(each.allocation.produced == Energy(counted) for each in found)
    assert all(each.allocation.consumed is None for each in found)


def test_a_share_is_of_the_time_that_the_trade_was_to_flow() -> None:
    [long, short] = apportion(TRADES, metered(7, 11, 9_000, Side.BUYER))
    assert (long.allocation.period, long.allocation.allocated) == (hours(8, 11), Energy(6_000))
    assert (short.allocation.period, short.allocation.consumed) == (hours(10, 11), None)


def test_what_was_cut_of_a_trade_has_no_share() -> None:
    cut = Curtailment(
        cut=Cut(quantity=Energy(6_000), reason=CurtailmentReason.OTHER), since=DAY + timedelta(hours=9)
    )
    [first] = apportion([replace(TRADES[0], cuts=(cut,))], metered(8, 9, 2_500))
    assert first.allocation.allocated == Energy(2_000)
    assert apportion([replace(TRADES[0], cuts=(cut,))], metered(10, 11, 2_500)) == []
