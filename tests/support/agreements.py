"""Agreements and readings to settle: the published trade, and variations of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_periods import Cadence
from kernel.money import Money
from settlement.agreement import Agreement, Matching
from settlement.side import MeteredInterval
from trading.terms import Discount, Price, SettlementType, Terms, Wheeling


def between(start: str, end: str) -> Interval:
    """Return the interval between two RFC 3339 instants."""
    return Interval(parse_instant(start), parse_instant(end))


WINDOW = between("2024-10-04T10:00:00Z", "2024-10-04T18:00:00Z")
SOURCE_KWH = ("0.5", "0.5", "1.0", "8.0")
TARGET_KWH = ("0.3", "0.5", "0.7", "8.5")
"""Two hours each: interval by interval the lesser add up to 9.5, the totals are 10.0."""


def agree(
    *,
    window: Interval = WINDOW,
    kwh: str = "10.0",
    price: str = "0.15",
    wheeling: str | None = "2.50",
    discount: str | None = None,
    currency: str = "USD",
    zone: str = "UTC",
    curtailed: str = "0",
    settles: SettlementType = SettlementType.DAILY,
    billing: Cadence = Cadence.MONTHLY,
    matching: Matching = Matching.WINDOW,
    anchor_day: int = 1,
) -> Agreement:
    """Return an agreement: unless said otherwise, the published one."""
    money = Currency(currency)
    return Agreement(
        contract_id="contract-1",
        window=window,
        contracted=Energy.from_kwh(kwh),
        terms=Terms(
            price=Price(per_kwh=Decimal(price), currency=money),
            wheeling=wheeling
            if wheeling is None
            else Wheeling(utility_name="Grid Services", amount=Money.of(wheeling, money)),
            discount=discount if discount is None else Discount(title="Spring", percent=Decimal(discount)),
            settlement_type=settles,
            matching=matching,
        ),
        zone=zone,
        curtailed=Energy.from_kwh(curtailed),
        matching=matching,
        billing=billing,
        anchor_day=anchor_day,
    )


def readings(
    energies: Iterable[str], *, start: datetime = WINDOW.start, every: timedelta = timedelta(hours=2)
) -> list[MeteredInterval]:
    """Return intervals side by side from `start` on, with these energies in kWh."""
    return [
        (Interval(start + at * every, start + (at + 1) * every), Energy.from_kwh(energy))
        for at, energy in enumerate(energies)
    ]
