"""What is held is bought only if it is what was ordered, at the price that was quoted, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bap.market.agreement import why_not_as_agreed, why_not_pay
from bap.market.forms import QuoteForm
from bap.market.goods import Good, LineUnclear, SellersDiffer, find_good, require_one_seller
from bap.market.purchase import Purchase
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from tests.support.seller_world import catalogue
from trading.delivery import Delivery, DeliveryStatus
from trading.lifecycle import ContractStatus
from trading.quote import Component, ComponentType, Quote
from trading.report import ContractReport
from trading.terms import PaymentTiming

Json = dict[str, Any]
NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
MORNING = Interval(NOON - timedelta(hours=4), NOON)
AFTERNOON = Interval(NOON, NOON + timedelta(hours=4))
USD = Currency("USD")
NAMES = {"bpp_id": "bpp.example", "provider": "valley", "resource": "roof", "offer": "morning"}
OTHER = NAMES | {"offer": "afternoon"}
TOTAL = {"amount": "6.55", "currency": "USD"}
QUOTED: Json = {
    "total": TOTAL,
    "each": [
        {"total": {"amount": "4.75", "currency": "USD"}},
        {"total": {"amount": "1.80", "currency": "USD"}},
    ],
}


def span(hours: Interval) -> Json:
    return {"start": hours.start.isoformat(), "end": hours.end.isoformat()}


def purchase() -> Purchase:
    items = [
        {"offer_id": "1", "kwh": "15", "window": span(MORNING)},
        {"offer_id": "2", "kwh": "10", "window": span(AFTERNOON)},
    ]
    return Purchase(
        id="p",
        account="ann",
        asked={"items": items},
        offer={},
        names=NAMES,
        further=[{"offer": {}, "names": OTHER}],
        created_at=NOON,
        ordered_at=NOON,
        confirm_wanted=True,
        status=None,
        updated_at=NOON,
    )


def held(names: dict[str, str], kwh: int, cents: int, window: Interval) -> ContractReport:
    part = Component(type=ComponentType.UNIT, amount=Money(cents, USD), description="energy")
    return ContractReport(
        order_id="o",
        provider_id=names["provider"],
        resource_id=names["resource"],
        offer_id=names["offer"],
        status=ContractStatus.PENDING,
        source=catalogue().resources[0].source,
        target_meter="m",
        quantity=Energy(kwh * 1_000),
        window=window,
        quote=Quote(quantity=Energy(kwh * 1_000), currency=USD, components=(part,)),
        wheeling=None,
        delivery=Delivery(status=DeliveryStatus.PENDING, delivered=Energy(0), window=window, ended=False),
        cycles=(),
        bills=(),
        updated_at=NOON,
    )


AGREED = (held(NAMES, 15, 475, MORNING), held(OTHER, 10, 180, AFTERNOON))


def why_not(reports: Sequence[ContractReport], quoted: Json | None = QUOTED) -> str | None:
    problem = why_not_as_agreed(purchase(), quoted, reports)
    return None if problem is None else problem.detail


def test_what_is_held_as_it_was_ordered_and_quoted_is_bought() -> None:
    assert why_not(AGREED) is None
    assert why_not(AGREED, {"total": TOTAL}) is None  # no line had a price of its own


@pytest.mark.parametrize(
    ("reports", "why"),
    [
        (AGREED[:1], "1 lines are held; ordered were 2."),
        (AGREED[::-1], "Of line 1, the seller holds afternoon of roof; ordered was morning of roof."),
        (
            (AGREED[0], held(OTHER, 8, 180, AFTERNOON)),
            "Of line 2, 8 kWh are held at 1.80 USD; ordered were 10 kWh, quoted at 1.80 USD.",
        ),
        (
            (held(NAMES, 15, 480, MORNING), held(OTHER, 10, 175, AFTERNOON)),  # the same in all
            "Of line 1, 15 kWh are held at 4.80 USD; ordered were 15 kWh, quoted at 4.75 USD.",
        ),
        (
            (AGREED[0], held(OTHER, 10, 180, MORNING)),
            "Of line 2, the energy is held from 2026-01-09T08:00:00Z to 2026-01-09T12:00:00Z; "
            "ordered was from 2026-01-09T12:00:00Z to 2026-01-09T16:00:00Z.",
        ),
    ],
)
def test_what_is_held_otherwise_is_not(reports: Sequence[ContractReport], why: str) -> None:
    assert why_not(reports) == why


def test_all_lines_together_must_cost_what_was_quoted() -> None:
    dearer = (AGREED[0], held(OTHER, 10, 181, AFTERNOON))
    assert why_not(dearer, {"total": TOTAL}) == "All of it is held at 6.56 USD; quoted was 6.55 USD."
    assert why_not(AGREED, None) == "All of it is held at 6.55 USD; quoted was nothing."


def test_an_order_of_one_line_says_no_number_of_a_line() -> None:
    alone = replace(purchase(), asked={"offer_id": "1", "kwh": "15", "window": span(MORNING)}, further=None)
    assert why_not_as_agreed(alone, {"total": {"amount": "4.75", "currency": "USD"}}, AGREED[:1]) is None
    later = why_not_as_agreed(alone, None, [held(NAMES, 15, 475, AFTERNOON)])
    assert later is not None
    assert later.detail.startswith("The energy is held from")


def test_a_way_of_paying_that_was_not_asked_for_is_not_agreed_on() -> None:
    plain = QuoteForm(offer_id="1", kwh=Decimal(1))
    assert why_not_pay(plain, None) is None
    asked = plain.model_copy(update={"payment": PaymentTiming.PREPAID})
    assert why_not_pay(asked, PaymentTiming.PREPAID) is None
    other = why_not_pay(asked, PaymentTiming.POSTPAID)
    assert other is not None
    assert "postpaid" in other.detail


def test_what_several_sell_is_not_asked_for_at_once() -> None:
    goods = purchase().goods
    require_one_seller(goods)
    for key in ("bpp_id", "provider"):
        other = replace(goods[1], names=OTHER | {key: "another"})
        with pytest.raises(SellersDiffer) as refused:
            require_one_seller((goods[0], other))
        assert refused.value.path == "items[1].offer_id"


def test_a_line_is_named_where_there_are_several() -> None:
    goods: tuple[Good, ...] = purchase().goods
    assert find_good(goods[:1], None) is goods[0]
    assert find_good(goods, 2) is goods[1]
    for line in (None, 3):
        with pytest.raises(LineUnclear):
            find_good(goods, line)
