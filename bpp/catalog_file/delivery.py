"""What an offer of the catalogue file says of losses, and of what shortfalls and cancelling late cost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from bpp.catalog_file.entry import Amount, Entry
from kernel.currency import Currency
from kernel.money import Money
from trading.cancellation_terms import CancellationTerm
from trading.matching import Billed, Losses
from trading.penalties import Counted, Payee, ShortfallPenalty, Tolerance
from trading.rates import Price
from trading.wheeling import Side


class LossesEntry(Entry):
    """How much of what is sent is lost, and whether what arrived is billed or what was sent."""

    percent: Annotated[Decimal, Field(gt=0, lt=100, decimal_places=6)]
    billed: Billed = Billed.ARRIVED

    def to_domain(self) -> Losses:
        return Losses(self.percent.scaleb(-2), self.billed)


class PenaltyEntry(Entry):
    """What one side owes for a kWh that it did not give or take: an amount, or a per cent of its price."""

    side: Side
    per_kwh: Amount | None = None
    percent_of_price: Annotated[Decimal, Field(gt=0)] | None = None
    tolerance_percent: Annotated[Decimal, Field(ge=0, le=100, decimal_places=6)] = Decimal(10)
    counted: Counted = Counted.WHOLE
    payee: Payee = Payee.INJURED_SIDES_UTILITY

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.per_kwh is None) == (self.percent_of_price is None):
            raise ValueError("a penalty has either per_kwh or percent_of_price")
        return self

    def to_domain(self, currency: Currency) -> ShortfallPenalty:
        return ShortfallPenalty(
            side=self.side,
            price=None if self.per_kwh is None else Price(per_kwh=self.per_kwh, currency=currency),
            percent_of_price=self.percent_of_price,
            payee=self.payee,
            tolerance=Tolerance(percent=self.tolerance_percent, counted=self.counted),
        )


class CancellationEntry(Entry):
    """What one side owes where it cancels late: an amount, or a per cent of the order's value."""

    side: Side = Side.BUYER
    free_until_minutes: Annotated[int, Field(ge=0, le=366 * 24 * 60)] = 0
    amount: Annotated[Decimal, Field(gt=0)] | None = None
    percent: Annotated[Decimal, Field(gt=0, le=100, decimal_places=6)] | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.amount is None) == (self.percent is None):
            raise ValueError("a late cancellation costs either an amount or a percent")
        return self

    def to_domain(self, currency: Currency) -> CancellationTerm:
        return CancellationTerm(
            side=self.side,
            notice=timedelta(minutes=self.free_until_minutes),
            amount=None if self.amount is None else Money.of(self.amount, currency),
            percent=self.percent,
        )
