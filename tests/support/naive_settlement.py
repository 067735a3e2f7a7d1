"""An independent way to settle a day: loops over readings, contracts and minutes, with nothing shared.

Also how the data of such tests is written down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from fractions import Fraction
from itertools import accumulate, pairwise
from math import ceil, floor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow
from pyarrow import parquet

Band = tuple[time, time, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a meter counted in an interval. Units: seconds since 1970 UTC, Wh."""

    meter: str
    second: int
    imported: int
    exported: int | None
    """None where the file says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """A contract. Units: seconds since 1970 UTC, Wh; prices as decimal text."""

    contract: str
    source: str
    target: str
    traded: int
    quantity: int
    start: int
    end: int
    by_interval: bool = False
    rate: str = ""
    bands: tuple[Band, ...] = ()
    currency: str = "INR"
    wheeling_per_kwh: str = ""
    wheeling_fixed: str = ""
    tax_percent: str = ""
    discount_percent: str = ""
    loss_percent: str = ""
    penalty_buyer_per_kwh: str = ""
    penalty_seller_per_kwh: str = ""
    penalty_tolerance_percent: str = ""

    def arriving(self, sent: int) -> int:
        """Return how much arrives of so many Wh."""
        return floor(sent * (1 - Fraction(self.loss_percent or "0") / 100))

    @property
    def to_send(self) -> int:
        """How much has to be sent for the quantity to arrive."""
        return ceil(self.quantity / (1 - Fraction(self.loss_percent or "0") / 100))


Settled = dict[tuple[str, int], int]
"""Wh by contract and number of the band; the number after the last is that of all other times."""


def settle_naively(
    deals: Sequence[Deal], readings: Sequence[Reading], *, start: int, end: int, zone: str
) -> Settled:
    """Return what each contract's bands brought in `[start, end)`."""
    to_date = _settle(deals, [each for each in readings if each.second < end], zone)
    before = _settle(deals, [each for each in readings if each.second < start], zone)
    return {key: wh - before.get(key, 0) for key, wh in to_date.items() if wh != before.get(key, 0)}


def _settle(deals: Sequence[Deal], readings: Sequence[Reading], zone: str) -> Settled:
    settled: Settled = defaultdict(int)
    given = _fifo(deals, {(r.meter, r.second): r.exported or 0 for r in readings}, side="source")
    taken = _fifo(deals, {(r.meter, r.second): r.imported for r in readings}, side="target")
    for deal in deals:
        mine, theirs = given[deal.contract], taken[deal.contract]
        left = min(deal.arriving(sum(mine.values())), sum(theirs.values()))
        sent = accumulate((mine[second] for second in sorted(mine)), initial=0)
        arrived = [after - before for before, after in pairwise(map(deal.arriving, sent))]
        for second, wh_by_now in zip(sorted(mine), arrived, strict=True):
            if deal.by_interval:
                wh = min(deal.arriving(mine[second]), theirs.get(second, 0))
            else:
                wh = min(wh_by_now, left)
                left -= wh
            settled[deal.contract, band_at(deal, second, zone)] += wh
    return settled


def _fifo(
    deals: Sequence[Deal], counted: dict[tuple[str, int], int], *, side: str
) -> dict[str, dict[int, int]]:
    """Return what each contract takes of its meter at each instant: the first come is served first."""
    taken: dict[str, dict[int, int]] = {deal.contract: {} for deal in deals}
    left = {deal.contract: deal.to_send if side == "source" else deal.quantity for deal in deals}
    for (meter, second), counted_wh in sorted(counted.items(), key=lambda each: each[0][1]):
        wh = counted_wh
        for deal in sorted(deals, key=lambda each: (each.traded, each.contract)):
            if getattr(deal, side) == meter and deal.start <= second < deal.end:
                part = min(wh, left[deal.contract])
                taken[deal.contract][second] = part
                left[deal.contract] -= part
                wh -= part
    return taken


def band_at(deal: Deal, second: int, zone: str) -> int:
    """Return the number of the band of the local time at which an interval starts."""
    local = datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone))
    now = local.hour * 60 + local.minute
    for number, (start, end, _) in enumerate(deal.bands):
        first, after = start.hour * 60 + start.minute, end.hour * 60 + end.minute
        if now in (range(first, after) if first < after else {*range(first, 1440), *range(after)}):
            return number
    return len(deal.bands)


def price_naively(wh: int, rate: str, *, exponent: int, discount: str = "0") -> int:
    """Return the minor units of so many Wh, by fractions, rounded once."""
    exact = Fraction(wh, 1000) * Fraction(rate) * (1 - Fraction(discount) / 100) * 10**exponent
    return int((exact + Fraction(1, 2)) // 1)


def write_readings(path: Path, readings: Sequence[Reading]) -> str:
    """Write a Parquet file of readings and return its path."""
    table = pyarrow.table(
        {
            "meter": pyarrow.array([r.meter for r in readings], pyarrow.string()),
            "start": pyarrow.array([r.second * 10**6 for r in readings], pyarrow.timestamp("us", tz="UTC")),
            "import_wh": pyarrow.array([r.imported for r in readings], pyarrow.int64()),
            "export_wh": pyarrow.array([r.exported for r in readings], pyarrow.int64()),
        }
    )
    parquet.write_table(table, path)
    return str(path)


def row_of(deal: Deal) -> dict[str, Any]:
    """Return a contract as a row of a file of contracts."""
    return {
        "contract": deal.contract,
        "source": deal.source,
        "target": deal.target,
        "trade_time": datetime.fromtimestamp(deal.traded, UTC).isoformat(),
        "quantity_wh": deal.quantity,
        "window_start": datetime.fromtimestamp(deal.start, UTC).isoformat(),
        "window_end": datetime.fromtimestamp(deal.end, UTC).isoformat(),
        "matching": "INTERVAL" if deal.by_interval else "WINDOW",
        "rate": deal.rate,
        "bands": [{"from": f"{a:%H:%M}", "to": f"{b:%H:%M}", "rate": rate} for a, b, rate in deal.bands],
        "currency": deal.currency,
        "wheeling_per_kwh": deal.wheeling_per_kwh,
        "wheeling_fixed": deal.wheeling_fixed,
        "tax_percent": deal.tax_percent,
        "discount_percent": deal.discount_percent,
        "loss_percent": deal.loss_percent,
        "penalty_buyer_per_kwh": deal.penalty_buyer_per_kwh,
        "penalty_seller_per_kwh": deal.penalty_seller_per_kwh,
        "penalty_tolerance_percent": deal.penalty_tolerance_percent,
    }
