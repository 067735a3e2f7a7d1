"""A day whose contracts match interval by interval, all or some, and what its lines add up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from kernel.currency import Currency
from kernel.money import Money
from settlement.engines.calendar import find_day
from settlement.engines.duckdb_engine import DuckdbEngine
from settlement.engines.file_sets import find_files
from settlement.engines.lines import Item, price_lines
from tests.support.naive_settlement import Deal, Reading, write_readings
from tests.support.settlement_days import SmallDay, load

DAY = find_day(date(2026, 3, 14), zone="Asia/Kolkata")
START, END = (int(edge.timestamp()) for edge in (DAY.period.start, DAY.period.end))


def deal(name: str, *, currency: str, rate: str, wheeling: str = "") -> Deal:
    return Deal(
        contract=name, source=f"S{name}", target=f"T{name}", traded=0, quantity=10_000, start=START, end=END,
        by_interval=True, rate=rate, currency=currency, wheeling_per_kwh=wheeling,
    )  # fmt: skip


DEALS = (deal("A", currency="INR", rate="5", wheeling="1"), deal("B", currency="JPY", rate="20"))
FLOWS = {"A": ((1_000, 400), (200, 700)), "B": ((500, 500), (0, 3_000))}
"""Wh given and taken in two quarters of an hour."""


def day() -> SmallDay:
    readings = [
        Reading(meter=f"{side}{name}", second=START + at * 900, imported=taken, exported=given)
        for name, quarters in FLOWS.items()
        for at, (given, taken) in enumerate(quarters)
        for side in "ST"
    ]
    return SmallDay(zone="Asia/Kolkata", day=DAY, readings=tuple(readings), deals=DEALS)


def test_what_one_quarter_has_too_much_of_makes_up_for_nothing_in_another() -> None:
    assert day().by(DuckdbEngine(threads=1)) == day().naively() == {("A", 0): 600, ("B", 0): 500}


def test_contracts_of_a_day_match_each_in_their_own_way() -> None:
    mixed = replace(day(), deals=(DEALS[0], replace(DEALS[1], by_interval=False)))
    assert mixed.by(DuckdbEngine(threads=1)) == mixed.naively() == {("A", 0): 600, ("B", 0): 500}


def test_lines_add_up_by_currency_and_item(tmp_path: Path) -> None:
    contracts, calendar = load(day(), tmp_path)
    readings = find_files([write_readings(tmp_path / "readings.parquet", day().readings)])
    lines = price_lines(
        DuckdbEngine(threads=1).quantities(readings, contracts, calendar), contracts, calendar
    )
    assert lines.totals() == {
        ("INR", Item.ENERGY): Money.of("3.00", Currency("INR")),
        ("INR", Item.WHEELING_PER_KWH): Money.of("0.60", Currency("INR")),
        ("JPY", Item.ENERGY): Money.of("10", Currency("JPY")),
    }
