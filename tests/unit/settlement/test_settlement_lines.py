"""Lines: their order, their sums, and those that were kept before lines had a kind."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from kernel.currency import Currency
from kernel.money import Money
from settlement.lines import LineInvalid, LineItem, gather, taxes_on
from trading.charges import LineKind, Tax
from trading.rates import Price
from trading.terms import Terms

USD = Currency("USD")


def line(kind: LineKind, title: str, minor: int) -> LineItem:
    return LineItem(kind=kind, title=title, amount=Money(minor, USD))


def test_a_negative_line_is_refused() -> None:
    with pytest.raises(LineInvalid, match=r"not negative: Energy Cost -0\.01 USD"):
        line(LineKind.ENERGY, "Energy Cost", -1)


def test_lines_of_one_kind_and_title_become_one_and_stand_in_the_order_of_a_bill() -> None:
    gathered = gather(
        [
            line(LineKind.WHEELING, "Wheeling Charges", 250),
            line(LineKind.TAX, "Tax", 7),
            line(LineKind.ENERGY, "Energy Cost (night)", 3),
            line(LineKind.ENERGY, "Energy Cost (day)", 150),
            line(LineKind.FEE, "Energy Cost (day)", 1),
            line(LineKind.WHEELING, "Wheeling Charges", 250),
            line(LineKind.ENERGY, "Energy Cost (night)", 4),
        ]
    )
    assert [(found.kind, found.title, found.amount.minor) for found in gathered] == [
        (LineKind.ENERGY, "Energy Cost (night)", 7),
        (LineKind.ENERGY, "Energy Cost (day)", 150),
        (LineKind.WHEELING, "Wheeling Charges", 500),
        (LineKind.FEE, "Energy Cost (day)", 1),
        (LineKind.TAX, "Tax", 7),
    ]


def test_nothing_gathers_to_nothing() -> None:
    assert gather([]) == ()


def test_a_line_is_read_back_as_it_was_written() -> None:
    written = line(LineKind.PENALTY, "Penalty", 12)
    assert LineItem.from_record(written.to_record(), USD) == written


@pytest.mark.parametrize(
    ("title", "kind"), [("Energy Cost", LineKind.ENERGY), ("Wheeling Charges", LineKind.WHEELING)]
)
def test_a_line_of_before_there_were_kinds_is_told_by_its_title(title: str, kind: LineKind) -> None:
    assert LineItem.from_record({"title": title, "minor": 5}, USD) == line(kind, title, 5)


def test_a_line_tells_in_its_title_what_was_taken_off() -> None:
    off = replace(line(LineKind.ENERGY, "Energy Cost", 135), discount_minor=15)
    assert off.told_title == "Energy Cost, 1.50 USD less 0.15 USD"
    assert LineItem.from_record(off.to_record(), USD) == off
    [twice] = gather([off, off])
    assert (twice.amount.minor, twice.discount_minor) == (270, 30)
    assert line(LineKind.ENERGY, "Energy Cost", 135).told_title == "Energy Cost"


def test_a_bill_is_taxed_once_for_each_rate_and_jurisdiction() -> None:
    gst = Tax(title="GST", percent=Decimal(5), jurisdiction="KA", applies_to=frozenset({LineKind.ENERGY}))
    terms = Terms(
        price=Price(per_kwh=Decimal(1), currency=USD),
        taxes=(
            gst,
            replace(gst, applies_to=frozenset({LineKind.WHEELING})),
            Tax(title="Cess", percent=Decimal(1), jurisdiction="IN"),
            Tax(title="Too little", percent=Decimal("0.1"), jurisdiction="IN"),
        ),
    )
    lines = [line(LineKind.ENERGY, "Energy Cost", 30), line(LineKind.WHEELING, "Wheeling Charges", 30)]
    groups = taxes_on(lines, terms)
    told = [(group.label, group.amount.minor) for group in groups]
    assert told == [("GST (5 %, KA)", 3), ("Cess (1 %, IN)", 1)]
    assert [[share.minor for share in group.shares] for group in groups] == [[2, 1], [1, 0]]
