"""A bill as a page and as CSV."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from kernel.energy import Energy
from settlement.statements.chart import HEIGHT, MOST_BARS, WIDTH, draw_chart
from settlement.statements.invoice import write_csv, write_page
from tests.support.agreements import WINDOW, agree
from tests.support.bill_statements import hours, statement_of
from trading.terms import Wheeling

Json = dict[str, Any]


@pytest.fixture
def statement() -> Json:
    """Return the published trade with a tenth taken off, carried by a utility with a hostile name."""
    agreement = agree(discount="10")
    wheeling = agreement.terms.wheeling
    assert wheeling is not None
    terms = replace(
        agreement.terms,
        further_wheeling=(Wheeling(utility_name="<b>A & B</b>", amount=wheeling.amount),),
    )
    counted = hours(WINDOW, [1_000] * 8)
    return statement_of(replace(agreement, terms=terms), exported=counted, imported=counted)


class _Texts(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_a_page_has_the_lines_the_total_and_what_was_delivered(statement: Json) -> None:
    page = _Texts(write_page(statement))

    for words in ("bill-2024-10-001", "1.08", "2.50", "6.08", "Delivered: 8 kWh", "(0.12 USD taken off)"):
        assert words in page.texts, words
    assert "Credit of earlier bills" not in page.texts
    assert page.tags.count("rect") == 1


def test_what_others_wrote_is_text_and_no_markup(statement: Json) -> None:
    page = _Texts(write_page(statement))

    assert "Wheeling Charges (<b>A & B</b>)" in page.texts
    assert "b" not in page.tags


def test_a_page_refers_to_nothing_outside_of_it(statement: Json) -> None:
    page = write_page(statement)

    assert not any(word in page for word in ("http:", "https:", "src=", "href=", "<script"))


def test_a_credit_is_taken_off_what_is_to_be_paid(statement: Json) -> None:
    statement["bill"]["due_minor"] -= 100
    page = _Texts(write_page(statement))

    for words in ("Credit of earlier bills", "1.00", "To pay", "5.08"):
        assert words in page.texts, words


def test_the_lines_as_csv_have_amounts_in_major_units(statement: Json) -> None:
    assert write_csv(statement) == (
        "bill,kind,title,amount,taken_off,currency\n"
        "bill-2024-10-001,ENERGY,Energy Cost,1.08,0.12,USD\n"
        "bill-2024-10-001,WHEELING,Wheeling Charges (Grid Services),2.50,,USD\n"
        "bill-2024-10-001,WHEELING,Wheeling Charges (<b>A & B</b>),2.50,,USD\n"
    )


@pytest.mark.parametrize("watt_hours", [[], [0], [5], [0, 0], [1, 10**12], [3] * MOST_BARS], ids=len)
def test_bars_lie_within_the_drawing_in_order_and_as_high_as_their_energy(watt_hours: list[int]) -> None:
    bars = [(f"settle-{at}", Energy(wh)) for at, wh in enumerate(watt_hours)]

    svg = ElementTree.fromstring(draw_chart(bars))  # noqa: S314  of our own making
    drawn = [each.attrib for each in svg.iter("rect")]

    places = [{name: int(each[name]) for name in ("x", "y", "width", "height")} for each in drawn]
    assert len(places) == len(bars)
    assert [each["x"] for each in places] == sorted(each["x"] for each in places)
    assert all(0 <= each["x"] <= WIDTH and 0 <= each["y"] < HEIGHT for each in places)
    heights = [each["height"] for each in places]
    assert [height for _, height in sorted(zip(watt_hours, heights, strict=True))] == sorted(heights)
    assert not watt_hours or (max(heights) > 0) == (max(watt_hours) > 0)


def test_more_cycles_than_can_be_told_apart_have_a_bar_for_each_day() -> None:
    cycles = [
        (f"settle-2026-01-{day:02}-{number:03}", Energy(day))
        for day in range(1, 32)
        for number in range(1, 97)
    ]

    svg = ElementTree.fromstring(draw_chart(cycles))  # noqa: S314  of our own making

    told = [title.text for title in svg.iter("title")]
    assert (len(told), told[0], told[-1]) == (
        31,
        "settle-2026-01-01: 0.096 kWh",
        "settle-2026-01-31: 2.976 kWh",
    )


@pytest.mark.parametrize(
    ("code", "amount"), [("JPY", "1,234,567"), ("INR", "12,345.67"), ("KWD", "1,234.567")]
)
def test_amounts_have_the_decimals_of_their_currency(statement: Json, code: str, amount: str) -> None:
    statement["bill"] |= {"currency": code, "total_minor": 1_234_567, "due_minor": 1_234_567}

    assert amount in _Texts(write_page(statement)).texts


def test_instants_are_told_by_the_clock_of_the_market(statement: Json) -> None:
    statement["contract"]["zone"] = "Asia/Kolkata"
    statement["bill"]["period"] = ["2026-01-31T18:30:00Z", "2026-02-28T18:30:00Z"]

    assert any(
        "2026-02-01 00:00 to 2026-03-01 00:00" in text and "(Asia/Kolkata)" in text
        for text in _Texts(write_page(statement)).texts
    )


def test_a_bill_of_no_cycles_has_no_chart(statement: Json) -> None:
    statement["bill"]["explanation"]["cycles"] = []

    assert "svg" not in _Texts(write_page(statement)).tags


def test_what_the_seller_owes_by_the_bill_is_a_credit_in_the_csv_and_of_other_bills_is_not(
    statement: Json,
) -> None:
    credit = {
        "bill": "bill-2024-10-001",
        "kind": "PENALTY_CREDIT",
        "amount_minor": 90,
        "explanation": {"penalty": {"cycle": "settle-2024-10-04-001", "run": 1}},
    }
    statement["corrections"] += [credit, credit | {"bill": "bill-2024-09-001"}]
    assert write_csv(statement).splitlines()[4:] == [
        'bill-2024-10-001,PENALTY_CREDIT,"Penalty of the seller (settle-2024-10-04-001, run 1)",-0.90,,USD'
    ]
