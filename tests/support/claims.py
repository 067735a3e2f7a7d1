"""Contracts that claim meters, for tests: claims, trades and entitlements at instants of one day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.allocation.quantity import Lump, Quantity
from settlement.allocation.rules import AllocationRule, AppliedRule
from settlement.allocation.series import Allocated, Entitlement
from settlement.allocation.slot import Claim
from settlement.allocation.trades import Trade
from settlement.side import MeteredInterval

DAY: Final = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER: Final = timedelta(minutes=15)


def at(clock: str) -> datetime:
    """Return the instant of that day at a time like 09:30."""
    hours, minutes = clock.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


def slot(number: int) -> Interval:
    """Return a quarter of an hour of that day, from nought."""
    return Interval(DAY + number * QUARTER, DAY + (number + 1) * QUARTER)


def slots(first: int, last: int) -> Interval:
    """Return the time from the start of one quarter of an hour to the end of another."""
    return Interval(slot(first).start, slot(last).end)


def counted(watt_hours: Iterable[int], *, first: int = 0) -> list[MeteredInterval]:
    """Return quarters of an hour side by side, with these energies in Wh."""
    return [(slot(first + number), Energy(each)) for number, each in enumerate(watt_hours)]


def given(watt_hours: Iterable[int], *, rule: AllocationRule = AllocationRule.FIFO) -> Allocated:
    """Return what one side gives a contract in quarters of an hour."""
    return Allocated(applied=AppliedRule.of(rule), intervals=tuple(counted(watt_hours)))


def claim(
    contract_id: str,
    watt_hours: int,
    *,
    traded: str = "09:00",
    share: str | None = None,
    community: str | None = None,
) -> Claim:
    return Claim(
        contract_id=contract_id,
        traded_at=at(traded),
        watt_hours=watt_hours,
        share_percent=share if share is None else Decimal(share),
        community=community,
    )


def trade(contract_id: str, source: str, target: str, watt_hours: int, *, traded: str = "09:00") -> Trade:
    return Trade(
        contract_id=contract_id, source=source, target=target, watt_hours=watt_hours, traded_at=at(traded)
    )


def entitle(
    contract_id: str,
    quantity: int | Quantity,
    *,
    traded: str = "09:00",
    window: Interval | None = None,
    share: str | None = None,
) -> Entitlement:
    """Return what a contract may take, in the first four quarters of the day unless said otherwise."""
    return Entitlement(
        contract_id=contract_id,
        traded_at=at(traded),
        window=window or slots(0, 3),
        quantity=Lump(watt_hours=quantity) if isinstance(quantity, int) else quantity,
        share_percent=share if share is None else Decimal(share),
    )


def watt_hours_of(allocated: Allocated) -> list[int]:
    """Return what is given in each interval."""
    return [energy.watt_hours for _, energy in allocated.intervals]
