"""What utilities charge, as an offer names it and as a utility's tariff file does."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from bpp.catalog_file.entry import Amount, CurrencyCode, Entry, Identifier
from kernel.currency import Currency
from kernel.money import Money
from trading.rates import Price
from trading.wheeling import Collector, Side, Wheeling, WheelingBasis


class WheelingTerms(Entry):
    """One charge for carrying energy: an amount per settlement cycle or contract, or a price per kWh."""

    amount: Amount | None = None
    per_kwh: Amount | None = None
    basis: WheelingBasis | None = None
    currency: CurrencyCode | None = None
    side: Side = Side.BUYER
    collected_by: Collector = Collector.PLATFORM
    charge_on_zero: bool = False
    description: str = ""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.amount is None) == (self.per_kwh is None):
            raise ValueError("a wheeling charge has either an amount or per_kwh")
        if self.basis is not None and (self.basis is WheelingBasis.PER_KWH) == (self.per_kwh is None):
            raise ValueError(f"the basis {self.basis} does not go with what is charged")
        return self

    def charge_of(self, utility: str, currency: Currency, *, within: str = "") -> Wheeling:
        """Return what `utility` charges, in `currency` unless the entry names another.

        `within` is the part of its grid, which describes a charge that says nothing of itself.
        Raises: ValueError.
        """
        own = currency if self.currency is None else Currency(self.currency)
        price = None if self.per_kwh is None else Price(per_kwh=self.per_kwh, currency=own)
        basis = WheelingBasis.FIXED_PER_CYCLE if price is None else WheelingBasis.PER_KWH
        return Wheeling(
            utility_name=utility,
            amount=Money.of(self.amount or 0, own),
            description=self.description or within,
            basis=self.basis or basis,
            price=price,
            side=self.side,
            collected_by=self.collected_by,
            charge_on_zero=self.charge_on_zero,
        )


class WheelingEntry(WheelingTerms):
    """What an offer says that a utility charges."""

    utility: Identifier

    def to_domain(self, currency: Currency) -> Wheeling:
        return self.charge_of(self.utility, currency)


class TariffFile(Entry):
    """A utility's tariff for a part of its grid; `zone` is the utility's own name of that part."""

    utility: Identifier
    zone: Identifier
    currency: CurrencyCode
    charges: Annotated[tuple[WheelingTerms, ...], Field(min_length=1)]
