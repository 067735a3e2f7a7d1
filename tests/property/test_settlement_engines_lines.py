"""A day's lines are those of contracts priced one by one, by fractions."""

from __future__ import annotations

from datetime import date
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


@st.composite
def priced(draw: st.DrawFn) -> list[tuple[Deal, int]]:
    """Contracts between meters of their own, each with what flowed. Units: Wh."""
    deals = []
    for number in range(draw(st.integers(1, 6))):
        fixed = draw(st.sampled_from(["", "3"]))
        deal = Deal(
            contract=f"c{number}",
            source=f"s{number}",
            target=f"t{number}",
            traded=0,
            quantity=draw(st.integers(0, 10**6)),
            start=START,
            end=END,
            rate=draw(st.sampled_from(["5", "0.000001", "7.345678", "999999.5"])),
            currency=draw(st.sampled_from(sorted(EXPONENTS))),
            wheeling_per_kwh=draw(st.sampled_from(["", "0.35"])),
            wheeling_fixed=fixed,
            tax_percent=draw(st.sampled_from(["", "18", "2.5"])),
            discount_percent=draw(st.sampled_from(["", "33.333333"])),
        )
        deals.append((deal, draw(st.integers(0, 10**6))))
    return deals


def naive_lines(deal: Deal, flowed: int) -> list[Line]:
    """Return a contract's lines: item, Wh, minor units."""
    wh, exponent = min(flowed, deal.quantity), EXPONENTS[deal.currency]
    off = deal.discount_percent or "0"
    found = [("ENERGY", wh, price_naively(wh, deal.rate, exponent=exponent, discount=off))]
    if deal.wheeling_per_kwh:
        found.append(("WHEELING_PER_KWH", wh, price_naively(wh, deal.wheeling_per_kwh, exponent=exponent)))
    if deal.wheeling_fixed:
        found.append(("WHEELING_FIXED", 0, int(deal.wheeling_fixed) * 10**exponent if wh else 0))
    if deal.tax_percent:
        owed = sum(amount for _, _, amount in found)
        found.append(("TAX", 0, price_naively(owed * 10, deal.tax_percent, exponent=0)))
    return [(deal.contract, *line, deal.currency) for line in found]


@given(priced())
@settings(max_examples=40, deadline=None)
def test_lines_are_those_of_contracts_priced_one_by_one(deals: list[tuple[Deal, int]]) -> None:
    readings = [
        Reading(meter=meter, second=START, imported=flowed, exported=flowed)
        for deal, flowed in deals
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
    assert list(found) == [line for deal, flowed in deals for line in naive_lines(deal, flowed)]
