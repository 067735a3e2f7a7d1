"""Lines: their order, their sums, and those that were kept before lines had a kind."""

from __future__ import annotations

import pytest

from kernel.currency import Currency
from kernel.money import Money
from settlement.lines import LineInvalid, LineItem, LineKind, gather

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
