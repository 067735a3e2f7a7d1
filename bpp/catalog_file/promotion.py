"""What an offer of the catalogue file takes off, for everybody or for some orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from bpp.catalog_file.entry import Entry, Identifier, Kwh, WindowEntry
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.charges import AmountOff, Discount
from trading.promotion import Promotion

Percentage = Annotated[Decimal, Field(gt=0, le=100)]
PromotionCode = Annotated[str, StringConstraints(min_length=4, max_length=64, pattern=r"^[!-~]+$")]


class DiscountEntry(Entry):
    """What is taken off the energy cost: a per cent of it, or an amount; for a time, or always."""

    title: Identifier
    percent: Percentage | None = None
    amount: Annotated[Decimal, Field(gt=0)] | None = None
    validity: WindowEntry | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a discount has either a percent or an amount")
        return self

    def to_domain(self, currency: Currency) -> Discount | AmountOff:
        validity = self.validity.to_domain() if self.validity else None
        if self.percent is not None:
            return Discount(title=self.title, percent=self.percent, validity=validity)
        amount = Money.of(self.amount or 0, currency)
        return AmountOff(title=self.title, amount=amount, validity=validity)


class PromotionEntry(DiscountEntry):
    """A discount that may be for some orders alone: by a code, for much, for a first order, for so many."""

    code: PromotionCode | None = None
    minimum_kwh: Kwh | None = None
    first_order: bool = False
    uses_per_buyer: Annotated[int, Field(gt=0)] | None = None

    @property
    def is_for_all(self) -> bool:
        return not (self.code or self.minimum_kwh or self.first_order or self.uses_per_buyer)

    def to_promotion(self, currency: Currency) -> Promotion:
        return Promotion(
            off=self.to_domain(currency),
            code=self.code,
            minimum=Energy.from_kwh(self.minimum_kwh) if self.minimum_kwh else None,
            first_order=self.first_order,
            uses=self.uses_per_buyer,
        )


def require_distinct(promotions: tuple[PromotionEntry, ...]) -> tuple[PromotionEntry, ...]:
    """Let promotions pass that can be told apart. Raises: ValueError."""
    ruled = [each for each in promotions if not each.is_for_all]
    for what, names in (
        ("title", [each.title for each in ruled]),
        ("code", [each.code for each in ruled if each.code]),
    ):
        if len(set(names)) < len(names):
            raise ValueError(f"two promotions have one {what}")
    return promotions
