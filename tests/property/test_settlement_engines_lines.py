"""A day's lines are those of contracts priced one by one, by fractions."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.engines.calendar import find_day
from settlement.engines.duckdb_engine import DuckdbEngine
from settlement.engines.file_sets import FileSet, find_files
from settlement.engines.settled_day import settle_day
from tests.support.naive_settlement import Deal, Reading, price_naively, write_readings
from tests.support.settlement_days import write_contracts

DAY = find_day(date(2026, 3, 14), zone="Asia/Kolkata")
START, END = (int(edge.timestamp()) for edge in (DAY.period.start, DAY.period.end))
EXPONENTS = {"INR": 2, "JPY": 0, "KWD": 3, "CLF": 4}
Line = tuple[str, str, int, int, str]


Flows = tuple[int, int]
"""What the source gave and what the target took. Units: Wh."""


@st.composite
def priced(draw: st.DrawFn) -> list[tuple[Deal, Flows]]:
    """Contracts between meters of their own, each with what flowed."""
    deals = []
    for number in range(draw(st.integers(1, 6))):
        quantity = draw(st.integers(0, 10**6))
        near = st.integers(quantity * 7 // 8, quantity * 8 // 7)
        deal = Deal(
            contract=f"c{number}",
            source=f"s{number}",
            target=f"t{number}",
            traded=0,
            quantity=quantity,
            start=START,
            end=draw(st.sampled_from([END - 3600, END, END, END + 1])),
            rate=draw(st.sampled_from(["5", "0.000001", "7.345678", "999999.5"])),
            currency=draw(st.sampled_from(sorted(EXPONENTS))),
            wheeling_per_kwh=draw(st.sampled_from(["", "0.35"])),
            wheeling_fixed=draw(st.sampled_from(["", "3"])),
            tax_percent=draw(st.sampled_from(["", "18", "2.5"])),
            discount_percent=draw(st.sampled_from(["", "33.333333"])),
            loss_percent=draw(st.sampled_from(["", "7.654321"])),
            penalty_buyer_per_kwh=draw(st.sampled_from(["", "2", "0.777777"])),
            penalty_seller_per_kwh=draw(st.sampled_from(["", "3.5"])),
            penalty_tolerance_percent=draw(st.sampled_from(["", "0", "5.000001", "100"])),
        )
        flow = near | st.integers(0, 10**6)
        deals.append((deal, (draw(flow), draw(flow))))
    return deals


def naive_lines(deal: Deal, flows: Flows) -> list[Line]:
    """Return a contract's lines: item, Wh, minor units."""
    exponent, off = EXPONENTS[deal.currency], deal.discount_percent or "0"
    arrived, taken = deal.arriving(min(flows[0], deal.to_send)), min(flows[1], deal.quantity)
    wh = min(arrived, taken)
    found = [("ENERGY", wh, price_naively(wh, deal.rate, exponent=exponent, discount=off))]
    if deal.wheeling_per_kwh:
        found.append(("WHEELING_PER_KWH", wh, price_naively(wh, deal.wheeling_per_kwh, exponent=exponent)))
    if deal.wheeling_fixed:
        found.append(("WHEELING_FIXED", 0, int(deal.wheeling_fixed) * 10**exponent if wh else 0))
    owed = sum(amount for _, _, amount in found)
    found += naive_penalties(deal, arrived=arrived, taken=taken)
    if deal.tax_percent:
        found.append(("TAX", 0, price_naively(owed * 10, deal.tax_percent, exponent=0)))
    return [(deal.contract, *line, deal.currency) for line in found]


def naive_penalties(deal: Deal, *, arrived: int, taken: int) -> list[tuple[str, int, int]]:
    """Return what both sides owe, if the window ends on the day: item, Wh, minor units."""
    band = deal.quantity * Fraction(deal.penalty_tolerance_percent or "10") / 100
    found = []
    for item, rate, counted in (
        ("PENALTY_BUYER", deal.penalty_buyer_per_kwh, taken),
        ("PENALTY_SELLER", deal.penalty_seller_per_kwh, arrived),
    ):
        if rate and deal.end <= END:
            short = deal.quantity - counted
            wh = short if short > band else 0
            found.append((item, wh, price_naively(wh, rate, exponent=EXPONENTS[deal.currency])))
    return found


@given(priced())
@settings(max_examples=40, deadline=None)
def test_lines_are_those_of_contracts_priced_one_by_one(deals: list[tuple[Deal, Flows]]) -> None:
    readings = [
        Reading(meter=meter, second=START, imported=flows[1], exported=flows[0])
        for deal, flows in deals
        for meter in (deal.source, deal.target)
    ]
    with TemporaryDirectory() as folder:
        lines = settle_day(
            DAY,
            zone="Asia/Kolkata",
            readings=FileSet((write_readings(Path(folder) / "r.parquet", readings),)),
            contracts=find_files(
                [write_contracts(Path(folder) / "c.jsonl", [deal for deal, _ in deals])], endings=(".jsonl",)
            ),
            engine=DuckdbEngine(threads=1),
        ).lines
    found = zip(
        lines.contract,
        lines.item,
        lines.watt_hours.tolist(),
        lines.amount_minor.tolist(),
        lines.currency,
        strict=True,
    )
    assert list(found) == [line for deal, flows in deals for line in naive_lines(deal, flows)]
