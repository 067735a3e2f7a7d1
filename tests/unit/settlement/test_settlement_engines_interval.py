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
from settlement.engines.lines import Item, Lines, price_lines
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


def lines_of(settled: SmallDay, folder: Path) -> Lines:
    contracts, calendar = load(settled, folder)
    readings = find_files([write_readings(folder / "readings.parquet", settled.readings)])
    return price_lines(DuckdbEngine(threads=1).quantities(readings, contracts, calendar), contracts, calendar)


def test_what_is_lost_is_rounded_up_in_each_interval_or_over_the_window() -> None:
    lossy = replace(DEALS[0], loss_percent="0.05")
    assert replace(day(), deals=(lossy,)).by(DuckdbEngine(threads=1)) == {("A", 0): 599}  # 400, 199 of 200
    over_all = replace(lossy, by_interval=False, quantity=1_100)
    assert replace(day(), deals=(over_all,)).by(DuckdbEngine(threads=1)) == {("A", 0): 1_100}
    assert over_all.to_send == 1_101


def test_penalties_are_due_on_the_day_on_which_the_window_ends(tmp_path: Path) -> None:
    """Of 2 kWh with 10 % lost, 1.2 were sent and 1.1 taken: the seller gave 1.08."""
    owing = replace(
        DEALS[0],
        quantity=2_000,
        tax_percent="10",
        loss_percent="10",
        penalty_buyer_per_kwh="2",
        penalty_seller_per_kwh="3",
    )
    found = lines_of(replace(day(), deals=(owing,)), tmp_path)
    assert list(zip(found.item, found.watt_hours.tolist(), found.amount_minor.tolist(), strict=True)) == [
        ("ENERGY", 580, 290),
        ("WHEELING_PER_KWH", 580, 58),
        ("PENALTY_BUYER", 900, 180),
        ("PENALTY_SELLER", 920, 276),
        ("TAX", 0, 35),
    ]
    later = lines_of(replace(day(), deals=(replace(owing, end=END + 1),)), tmp_path)
    assert later.item.tolist() == ["ENERGY", "WHEELING_PER_KWH", "TAX"]
    wide = replace(owing, penalty_tolerance_percent="45")
    passed = lines_of(replace(day(), deals=(wide,)), tmp_path).totals()
    assert passed["INR", Item.PENALTY_BUYER] == Money.of("0", Currency("INR"))
    assert passed["INR", Item.PENALTY_SELLER] == Money.of("2.76", Currency("INR"))


def test_a_window_that_began_before_owes_for_all_that_it_was_short_of(tmp_path: Path) -> None:
    earlier = [replace(each, second=each.second - 7_200) for each in day().readings]
    owing = replace(DEALS[0], start=START - 86_400, quantity=2_500, penalty_buyer_per_kwh="2")
    found = lines_of(replace(day(), readings=(*earlier, *day().readings), deals=(owing,)), tmp_path)
    assert found.watt_hours.tolist() == [600, 600, 300]  # 2,200 were taken in all


def test_lines_add_up_by_currency_and_item(tmp_path: Path) -> None:
    assert lines_of(day(), tmp_path).totals() == {
        ("INR", Item.ENERGY): Money.of("3.00", Currency("INR")),
        ("INR", Item.WHEELING_PER_KWH): Money.of("0.60", Currency("INR")),
        ("JPY", Item.ENERGY): Money.of("10", Currency("JPY")),
    }
