"""Amounts as apps read them: exact decimals as text, instants as RFC 3339."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.rates import Price

KwhText = Annotated[str, Field(description="Kilowatt-hours, exact.", examples=["10"])]
Instant = Annotated[str, Field(description="RFC 3339.", examples=["2026-06-11T12:00:00Z"])]


class Amount(BaseModel):
    """An amount of money, exact."""

    amount: str = Field(description="A decimal in major units.", examples=["4.00"])
    currency: str = Field(description="ISO 4217.", examples=["USD"])


class Span(BaseModel):
    """A time, from its start until just before its end."""

    start: Instant
    end: Instant


def tell_money(money: Money) -> Amount:
    return Amount(amount=str(money.amount), currency=money.currency.code)


def tell_price(price: Price) -> Amount:
    return Amount(amount=plain(price.per_kwh), currency=price.currency.code)


def tell_energy(energy: Energy) -> str:
    return plain(energy.kilowatt_hours)


def tell_span(interval: Interval) -> Span:
    return Span(start=format_instant(interval.start), end=format_instant(interval.end))


def plain(number: Decimal) -> str:
    """Return a number without an exponent and without trailing noughts."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
