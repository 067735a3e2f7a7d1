"""A day's quantities as priced lines: energy per rate, wheeling, tax; and one fingerprint of them all.

Amounts of energy and of wheeling per kWh are what the cost by the day's end exceeds the cost before it,
both rounded, so that over many days nothing is lost. What a side owes for what it was short of is due on
the day on which the window ends. A contract's tax is one amount on the sum of its energy and wheeling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kernel.currency import Currency
from kernel.money import Money
from settlement.engines.calendar import Calendar
from settlement.engines.contract_table import ContractTable, Integers
from settlement.engines.prices import beyond_tolerance, price, tax_on
from settlement.engines.tally import Quantities

Texts: TypeAlias = NDArray[np.object_]


class Item(StrEnum):
    """What a line is for, in the order in which a contract's lines stand."""

    ENERGY = "ENERGY"
    WHEELING_PER_KWH = "WHEELING_PER_KWH"
    WHEELING_FIXED = "WHEELING_FIXED"
    PENALTY_BUYER = "PENALTY_BUYER"
    PENALTY_SELLER = "PENALTY_SELLER"
    TAX = "TAX"


_ITEMS: Final = tuple(Item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines of a day in order of contract, item and rate. Units: Wh, minor units of the currency.

    `watt_hours` of a fixed charge or a tax is nought; of a penalty what it is for.
    """

    contract: Texts
    item: Texts
    band: Texts
    watt_hours: Integers
    amount_minor: Integers
    currency: Texts

    def __len__(self) -> int:
        return len(self.contract)

    def fingerprint(self) -> str:
        """Return the SHA-256, as hex, of the lines as text: columns between tabs, a line feed after each."""
        digest = sha256()
        for block in self._text():
            digest.update(block)
        return digest.hexdigest()

    def _text(self) -> Iterator[bytes]:
        for begun in range(0, len(self), _BLOCK):
            part = slice(begun, begun + _BLOCK)
            rows = zip(
                self.contract[part],
                self.item[part],
                self.band[part],
                map(str, self.watt_hours[part].tolist()),
                map(str, self.amount_minor[part].tolist()),
                self.currency[part],
                strict=True,
            )
            yield "".join(["\t".join(row) + "\n" for row in rows]).encode()

    def totals(self) -> dict[tuple[str, Item], Money]:
        """Return what all lines of each currency and item add up to."""
        sums: dict[tuple[str, Item], Money] = {}
        for code in np.unique(self.currency.astype(str)).tolist():
            for item in _ITEMS:
                chosen = (self.currency == code) & (self.item == item.value)
                if np.any(chosen):
                    total = sum(self.amount_minor[chosen].tolist())
                    sums[code, item] = Money(total, Currency(code))
        return sums


_BLOCK: Final = 100_000


def price_lines(quantities: Quantities, contracts: ContractTable, calendar: Calendar) -> Lines:
    """Return the lines of every contract whose window overlaps the day; amounts may be nought.

    Raises: OverflowError, if an amount does not fit into 64 bits.
    """
    return _Pricing(quantities, contracts, calendar).lines()


class _Pricing:
    """Prices what was settled: a column for each property of a tariff, a value for each contract."""

    def __init__(self, quantities: Quantities, contracts: ContractTable, calendar: Calendar) -> None:
        self._contracts, self._quantities = contracts, quantities
        self._day_end = calendar.end
        self._rows = np.flatnonzero(contracts.end > calendar.day_start)
        self._settled, self._before = quantities.settled[self._rows], quantities.before[self._rows]
        self._tariff = contracts.tariff_of[self._rows]
        self._exponents = self._of([tariff.currency.exponent for tariff in contracts.tariffs])
        self._discounts = self._of([tariff.discount for tariff in contracts.tariffs])

    def lines(self) -> Lines:
        parts = [*self._energy(), *self._wheeling()]
        owed = np.zeros(len(self._rows), dtype=np.int64)
        for chosen, _, _, _, amounts in parts:
            owed[chosen] += amounts
        parts += [*self._penalties(), self._tax(owed)]
        return self._in_order(parts)

    def _of(self, values: Sequence[int]) -> Integers:
        """Return each contract's value, from one for each tariff."""
        return np.array(values, dtype=np.int64)[self._tariff]

    def _energy(self) -> Iterator[_Part]:
        counts = self._of([len(tariff.rates) for tariff in self._contracts.tariffs])
        for band in range(self._settled.shape[1]):
            rates = self._of(
                [dict(enumerate(tariff.rates)).get(band, 0) for tariff in self._contracts.tariffs]
            )
            chosen = np.flatnonzero(counts > band)
            settled, before = self._settled[chosen, band], self._before[chosen, band]
            amounts = self._added(settled, before, rates[chosen], chosen, self._discounts)
            yield chosen, Item.ENERGY, band, settled, amounts

    def _wheeling(self) -> Iterator[_Part]:
        rates = self._of([tariff.wheeling_rate for tariff in self._contracts.tariffs])
        chosen = np.flatnonzero(rates > 0)
        settled, before = (column[chosen].sum(axis=1) for column in (self._settled, self._before))
        amounts = self._added(settled, before, rates[chosen], chosen, np.zeros_like(rates))
        yield chosen, Item.WHEELING_PER_KWH, 0, settled, amounts
        fixed = self._of([tariff.wheeling_fixed for tariff in self._contracts.tariffs])
        chosen = np.flatnonzero(fixed > 0)
        is_due = self._settled[chosen].sum(axis=1) > 0
        yield chosen, Item.WHEELING_FIXED, 0, np.zeros_like(chosen), fixed[chosen] * is_due

    def _penalties(self) -> Iterator[_Part]:
        tariffs, found = self._contracts.tariffs, self._quantities
        tolerances = self._of([tariff.tolerance for tariff in tariffs])
        due, is_over = (
            self._contracts.quantity[self._rows],
            self._contracts.end[self._rows] <= self._day_end,
        )
        for item, per_kwh, counted in (
            (Item.PENALTY_BUYER, [tariff.penalty_buyer for tariff in tariffs], found.imported_in_all),
            (Item.PENALTY_SELLER, [tariff.penalty_seller for tariff in tariffs], found.exported_in_all),
        ):
            rates = self._of(per_kwh)
            chosen = np.flatnonzero((rates > 0) & is_over)
            short = beyond_tolerance(
                counted[self._rows][chosen], due=due[chosen], tolerances=tolerances[chosen]
            )
            nothing = np.zeros_like(chosen)
            amounts = price(short, rates[chosen], exponents=self._exponents[chosen], discounts=nothing)
            yield chosen, item, 0, short, amounts

    def _tax(self, owed: Integers) -> _Part:
        taxes = self._of([tariff.tax for tariff in self._contracts.tariffs])
        chosen = np.flatnonzero(taxes > 0)
        return chosen, Item.TAX, 0, np.zeros_like(chosen), tax_on(owed[chosen], taxes[chosen])

    def _added(
        self, settled: Integers, before: Integers, rates: Integers, chosen: Integers, discounts: Integers
    ) -> Integers:
        exponents, off = self._exponents[chosen], discounts[chosen]
        by_the_end = price(before + settled, rates, exponents=exponents, discounts=off)
        return by_the_end - price(before, rates, exponents=exponents, discounts=off)

    def _in_order(self, parts: Sequence[_Part]) -> Lines:
        """Put all lines into their places: a contract's stand together, in the order of the parts."""
        counts = np.zeros(len(self._rows), dtype=np.int64)
        for chosen, *_ in parts:
            counts[chosen] += 1
        following = np.cumsum(counts) - counts
        many = int(counts.sum())
        items, bands = np.full(many, "", dtype=object), np.full(many, "", dtype=object)
        watt_hours, amounts = np.zeros(many, dtype=np.int64), np.zeros(many, dtype=np.int64)
        tariffs = self._contracts.tariffs
        names = _rectangle([tariff.band_names() for tariff in tariffs])
        for chosen, item, band, settled, costs in parts:
            places = following[chosen]
            items[places], watt_hours[places], amounts[places] = item.value, settled, costs
            if item is Item.ENERGY:
                bands[places] = names[self._tariff[chosen], band]
            following[chosen] += 1
        codes = np.array([tariff.currency.code for tariff in tariffs], dtype=object)
        return Lines(
            contract=np.repeat(np.array(self._contracts.ids, dtype=object)[self._rows], counts),
            item=items,
            band=bands,
            watt_hours=watt_hours,
            amount_minor=amounts,
            currency=np.repeat(codes[self._tariff], counts),
        )


_Part: TypeAlias = tuple[Integers, Item, int, Integers, Integers]
"""Lines of one item and rate: which contracts, in order, what for, which rate, Wh, minor units."""


def _rectangle(names: Sequence[Sequence[str]]) -> Texts:
    filled = np.full((len(names), max(map(len, names), default=1)), "", dtype=object)
    for row, of_row in enumerate(names):
        filled[row, : len(of_row)] = of_row
    return filled
