"""What a seller would take in place of an order, at another price or less of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from kernel.clock import format_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import EmptyInterval, Interval
from kernel.money import Money, NotMinorUnits
from trading.charges import AmountOff, Discount
from trading.rates import Price, TermsInvalid
from trading.refusals import QuantityOutOfBounds
from trading.request import Selection
from trading.terms import Terms

_LONGEST_TITLE: Final = 100


class CounterInvalid(ValueError):
    """A counter that says nothing, or what cannot be agreed on for such an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Off:
    """A discount on one order: a per cent of its energy's cost, or an amount in major units."""

    title: str
    percent: Decimal | None = None
    amount: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise CounterInvalid("a discount has either a percent or an amount")
        if not (self.title.strip() and self.title.isprintable() and len(self.title) <= _LONGEST_TITLE):
            raise CounterInvalid(f"a discount has a title of 1 to {_LONGEST_TITLE} printable characters")

    def to_domain(self, currency: Currency) -> Discount | AmountOff:
        """Return the discount. Raises: TermsInvalid, NotMinorUnits."""
        if self.percent is not None:
            return Discount(title=self.title, percent=self.percent)
        return AmountOff(title=self.title, amount=Money.of(self.amount or 0, currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerCounter:
    """What of an order the seller would have otherwise; None of what it takes as it stands.

    `price_per_kwh` is in the offer's currency. `most` bounds the quantity, `start` and `end` the window.

    Raises: CounterInvalid.
    """

    price_per_kwh: Decimal | None = None
    discount: Off | None = None
    most: Energy | None = None
    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        names = ("price_per_kwh", "discount", "most", "start", "end")
        if all(getattr(self, name) is None for name in names):
            raise CounterInvalid("a counter names what is to be otherwise")


def counter_selection(selection: Selection, counter: SellerCounter) -> Selection:
    """Return what was selected as the seller would sell it: its terms are those that the contract freezes.

    Promotions that are for more than is left of it fall away.
    Raises: CounterInvalid; PromotionNotMet, if the order names the code of one.
    """
    terms, is_cut = selection.offer.terms, (counter.most, counter.start, counter.end) != (None,) * 3
    if terms.session is not None and is_cut:
        raise CounterInvalid("how much and when is charged in a session is its buyer's to say")
    try:
        quantity = selection.quantity if counter.most is None else min(selection.quantity, counter.most)
        offer = selection.offer.reduced_to(quantity)
        offer = replace(offer, terms=_terms(offer.terms, counter))
        offer.require_quantity(quantity)
    except (TermsInvalid, NotMinorUnits) as error:
        raise CounterInvalid(str(error)) from error
    except QuantityOutOfBounds as error:
        raise CounterInvalid(f"{error.message} for the offer {selection.offer.id}") from error
    window = _window(selection.window, counter)
    return replace(selection, offer=offer, quantity=quantity, window=window)


def describe_counter(offered: Selection, agreed: Selection) -> str | None:
    """Return in words what became what of an order by a counter, None if nothing did."""
    pairs = [
        (offered.quantity, agreed.quantity),
        (offered.window.start, agreed.window.start),
        (offered.window.end, agreed.window.end),
        (_price(offered.offer.terms), _price(agreed.offer.terms)),
    ]
    parts = [f"{old} became {new}" for old, new in pairs if old != new]
    gone = [each for each in offered.offer.promotions if each not in agreed.offer.promotions]
    parts += [f"{promotion.title} fell away" for promotion in gone]
    known = len(offered.offer.terms.promotions) - len(gone)
    parts += [f"{off.title} came off" for off in agreed.offer.terms.promotions[known:]]
    return ", ".join(parts) or None


def _price(terms: Terms) -> str:
    return f"{terms.price.per_kwh:f} {terms.currency} per kWh"


def _terms(terms: Terms, counter: SellerCounter) -> Terms:
    if counter.price_per_kwh is not None:
        if not terms.has_one_price:
            raise CounterInvalid("the offer has more than a price per kWh: name a discount")
        terms = replace(terms, price=Price(per_kwh=counter.price_per_kwh, currency=terms.currency))
    if counter.discount is not None:
        off = counter.discount.to_domain(terms.currency)
        terms = replace(terms, promotions=(*terms.promotions, off))
    return terms


def _window(asked: Interval, counter: SellerCounter) -> Interval:
    try:
        window = Interval(counter.start or asked.start, counter.end or asked.end)
    except EmptyInterval as error:
        raise CounterInvalid("the window of the counter ends before it starts") from error
    if asked.intersection(window) != window:
        span = f"{format_instant(asked.start)} until {format_instant(asked.end)}"
        raise CounterInvalid(f"the window of the counter is no part of the one asked for, {span}")
    return window
