"""Quotes: quantity × price + wheeling − offer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import simplejson

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.quote import ComponentType, Quote, count_cycles
from trading.quote import quote_energy as quote_over
from trading.terms import Discount, Price, Terms, Wheeling

USD = Currency("USD")


DAY = Interval(datetime(2026, 1, 9, 10, tzinfo=UTC), datetime(2026, 1, 9, 18, tzinfo=UTC))


def quote_energy(quantity: Energy, agreed: Terms, *, window: Interval = DAY, zone: str = "UTC") -> Quote:
    return quote_over(quantity, agreed, window=window, zone=zone)


def terms(
    price: str = "0.15",
    *,
    wheeling: str | None = "2.50",
    discount: str | None = None,
    currency: Currency = USD,
) -> Terms:
    return Terms(
        price=Price(per_kwh=Decimal(price), currency=currency),
        wheeling=Wheeling(utility_name="Grid", amount=Money.of(wheeling, currency)) if wheeling else None,
        discount=Discount(title="Early bird", percent=Decimal(discount)) if discount else None,
    )


def test_ten_kilowatt_hours_cost_four_dollars() -> None:
    quote = quote_energy(Energy(10_000), terms())
    assert str(quote.total) == "4.00 USD"
    assert [(part.type, str(part.amount.amount)) for part in quote.components] == [
        (ComponentType.UNIT, "1.50"),
        (ComponentType.FEE, "2.50"),
    ]


def test_the_published_figures_come_out(shared: Path) -> None:
    published = simplejson.loads((shared / "golden" / "billing.json").read_text(), use_decimal=True)[0]
    currency = Currency(published["currency"])
    quote = quote_energy(
        Energy.from_kwh(Decimal(published["quantity_kwh"])),
        terms(published["price_per_kwh"], wheeling=published["wheeling"], currency=currency),
    )
    assert quote.components[0].amount == Money.of(published["energy_cost"], currency)
    assert quote.total == Money.of(published["total"], currency)


def test_an_offer_takes_its_discount_off_the_energy_only() -> None:
    quote = quote_energy(Energy(10_000), terms(discount="10"))
    assert [str(part.amount.amount) for part in quote.components] == ["1.50", "-0.15", "2.50"]
    assert str(quote.total) == "3.85 USD"


def test_wheeling_is_due_for_every_day_that_is_settled() -> None:
    quote = quote_energy(Energy(10_000), terms(), window=Interval(DAY.start, DAY.end + timedelta(days=2)))
    assert str(quote.total) == "9.00 USD"
    assert "3 days" in quote.components[1].description


def test_without_wheeling_and_discount_there_is_one_component() -> None:
    assert len(quote_energy(Energy(1), terms(wheeling=None)).components) == 1


@pytest.mark.parametrize(
    ("start", "end", "zone", "days"),
    [
        ("2026-01-09T10:00:00+00:00", "2026-01-09T18:00:00+00:00", "UTC", 1),
        ("2026-01-09T00:00:00+00:00", "2026-01-10T00:00:00+00:00", "UTC", 1),
        ("2026-01-09T00:00:00+00:00", "2026-01-10T00:00:00+00:00", "Asia/Kolkata", 2),
        ("2026-03-28T23:00:00+00:00", "2026-03-29T22:00:00+00:00", "Europe/Berlin", 1),  # 23 hours
        ("2026-01-09T23:59:59+00:00", "2026-01-11T00:00:01+00:00", "UTC", 3),
    ],
)
def test_a_window_is_settled_by_the_days_of_its_zone(start: str, end: str, zone: str, days: int) -> None:
    window = Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert count_cycles(window, zone) == days
    assert window.start.tzinfo is UTC
