"""Which promotions an order has: by its code, how much it is, who buys, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.charges import AmountOff, Discount
from trading.promotion import CodeUnknown, History, Promotion, PromotionNotMet, Wanted, choose, describe

START = datetime(2026, 1, 9, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = Interval(START, START + DAY)
ORDER = Wanted(quantity=Energy(10_000), window=WINDOW, code=None, history=History())
LETTER = Promotion(off=Discount(title="Letter", percent=Decimal(5)), code="SPRING-26")
BULK = Promotion(
    off=AmountOff(title="Bulk", amount=Money.of(2, Currency("USD"))), minimum=Energy(10_000), uses=2
)
FIRST = Promotion(off=Discount(title="Welcome", percent=Decimal("10.0")), first_order=True)
OFFERED = (LETTER, BULK, FIRST)


def titles(wanted: Wanted, offered: tuple[Promotion, ...] = OFFERED) -> list[str]:
    return [each.title for each in choose(offered, wanted)]


def test_an_order_has_what_needs_no_code_and_what_its_code_is_for() -> None:
    assert titles(ORDER) == ["Bulk", "Welcome"]
    assert titles(replace(ORDER, code="SPRING-26")) == ["Bulk", "Welcome", "Letter"]
    assert titles(ORDER, ()) == []


@pytest.mark.parametrize("code", ["SPRING-2", "spring-26", "SPRING-26 ", "\u00fcber", ""])
def test_a_code_that_the_offer_does_not_have_is_refused(code: str) -> None:
    for offered in (OFFERED, (BULK,), ()):
        with pytest.raises(CodeUnknown, match="no such code"):
            choose(offered, replace(ORDER, code=code))


def test_what_is_for_others_is_left_out() -> None:
    assert titles(replace(ORDER, quantity=Energy(9_999))) == ["Welcome"]
    assert titles(replace(ORDER, history=History(has_bought=True))) == ["Bulk"]
    assert titles(replace(ORDER, history=History(uses={"Bulk": 1, "Welcome": 1}))) == ["Bulk"]
    assert titles(replace(ORDER, history=History(uses={"Bulk": 2}))) == ["Welcome"]


def test_a_validity_has_to_touch_the_window() -> None:
    for start, expected in ((START - DAY, []), (START - DAY / 2, ["Letter"]), (START + DAY, [])):
        off = replace(LETTER.off, validity=Interval(start, start + DAY))
        assert titles(ORDER, (replace(LETTER, off=off, code=None),)) == expected


@pytest.mark.parametrize(
    ("needs", "history", "why"),
    [
        ({"minimum": Energy(20_000)}, History(), "the code is for 20 kWh or more"),
        ({"first_order": True}, History(has_bought=True), "the code is for a first order"),
        ({"first_order": True}, History(uses={"Letter": 1}), "the code is used already"),
        ({"uses": 3}, History(uses={"Letter": 3}), "the code is used 3 times already"),
    ],
)
def test_a_code_that_is_not_for_the_order_is_refused_with_the_reason(
    needs: dict[str, object], history: History, why: str
) -> None:
    strict = replace(LETTER, **needs)  # type: ignore[arg-type]
    with pytest.raises(PromotionNotMet, match=why):
        choose((strict,), replace(ORDER, code="SPRING-26", history=history))


def test_what_needs_no_code_is_told_and_codes_never_are() -> None:
    assert describe(OFFERED) == (
        "Bulk: 2.00 USD less for an order of 10 kWh or more (2 at most for each buyer). "
        "Welcome: 10 % less for a first order."
    )
    assert describe((LETTER,)) == ""
