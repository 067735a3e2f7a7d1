"""The commercial terms of an offer; frozen into the contract when it is confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.local_days import find_zone
from kernel.money import CurrencyMismatch, Money
from trading.bands import ALWAYS, OTHER_HOURS, Band
from trading.cancellation_terms import CancellationTerm
from trading.charges import AmountOff, Charge, Discount, Subscription, Tax
from trading.charging.fees import SessionTerms
from trading.matching import NO_LOSSES, Losses, Matching
from trading.penalties import ShortfallPenalty
from trading.periods import BillingPeriod, calendar_period
from trading.rates import METERING_GRID, DayRates, IntervalPrices, Price, TermsInvalid
from trading.wheeling import Side, Wheeling, WheelingBasis

__all__ = [
    "BillingPeriod",
    "Discount",
    "Matching",
    "PaymentTiming",
    "Price",
    "PricingModel",
    "SettlementType",
    "Terms",
    "TermsInvalid",
    "Wheeling",
]


class PricingModel(StrEnum):
    """How energy is priced (EnergyTradeOffer v0.2)."""

    PER_KWH = "PER_KWH"
    TIME_OF_DAY = "TIME_OF_DAY"
    SUBSCRIPTION = "SUBSCRIPTION"
    FIXED = "FIXED"


class SettlementType(StrEnum):
    """How often a contract settles (EnergyTradeOffer v0.2)."""

    REAL_TIME = "REAL_TIME"
    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


_SHORTEST_METERING: Final = timedelta(minutes=1)
_LONGEST_METERING: Final = timedelta(hours=1)
WHOLE_PERCENT: Final = 100
"""All of a meter."""


class PaymentTiming(StrEnum):
    """When a buyer pays."""

    POSTPAID = "postpaid"  # its bills, after delivery
    PREPAID = "prepaid"  # all that it may come to, from its deposit as it confirms; what is not used returns


_NEEDS: Final = {
    PricingModel.TIME_OF_DAY: "rates",
    PricingModel.SUBSCRIPTION: "subscription",
    PricingModel.FIXED: "fixed",
}
"""What a model needs, and no other may have, but for a subscription that has rates."""
_PRICED_BY_INTERVAL: Final = (PricingModel.PER_KWH, PricingModel.SUBSCRIPTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything that decides what a delivered watt-hour costs, all of it in one currency.

    `price` is for energy that nothing else prices: under TIME_OF_DAY outside the hours of `rates`, under
    SUBSCRIPTION beyond what the fee includes, with `by_interval` outside its window, under FIXED none. A
    subscription may have `rates` or `by_interval` for what is beyond its fee.
    `wheeling` is the charge that the wire has room for, `further_wheeling` what else utilities charge.
    `metering` is how long the meters' intervals last, in whole minutes. A side has one penalty at most, and
    one price of cancelling.
    `share_percent` is the fixed part of what the source's meter exports that the contract has, by the rule
    STATIC_KEY; without one the meter serves contracts first in, first out. `session` is what a charging
    session has beside; the others have none.
    Raises: TermsInvalid, CurrencyMismatch.
    """

    price: Price
    wheeling: Wheeling | None = None
    discount: Discount | None = None
    pricing_model: PricingModel = PricingModel.PER_KWH
    settlement_type: SettlementType = SettlementType.DAILY
    billing_period: BillingPeriod = BillingPeriod.MONTHLY
    rates: DayRates | None = None
    subscription: Subscription | None = None
    fixed: Money | None = None
    by_interval: IntervalPrices | None = None
    further_wheeling: tuple[Wheeling, ...] = ()
    promotions: tuple[Discount | AmountOff, ...] = ()
    charges: tuple[Charge, ...] = ()
    taxes: tuple[Tax, ...] = ()
    matching: Matching = Matching.WINDOW
    metering: timedelta = METERING_GRID
    losses: Losses = NO_LOSSES
    penalties: tuple[ShortfallPenalty, ...] = ()
    payment: PaymentTiming = PaymentTiming.POSTPAID
    share_percent: Decimal | None = None
    session: SessionTerms | None = None
    cancellation: tuple[CancellationTerm, ...] = ()

    def __post_init__(self) -> None:
        for model, name in _NEEDS.items():
            if name == "rates" and self.pricing_model is PricingModel.SUBSCRIPTION:
                continue
            if (getattr(self, name) is not None) != (self.pricing_model is model):
                raise TermsInvalid(f"{name} go with {model}, and {model} with them: not {self.pricing_model}")
        if self.by_interval is not None and self.pricing_model not in _PRICED_BY_INTERVAL:
            raise TermsInvalid(
                f"prices by interval go with PER_KWH and SUBSCRIPTION, not {self.pricing_model}"
            )
        if self.by_interval is not None and self.rates is not None:
            raise TermsInvalid("a subscription has rates by the hour or prices by interval, not both")
        if self.fixed is not None and (self.fixed < Money.zero(self.fixed.currency) or self.price.per_kwh):
            raise TermsInvalid("a fixed price is not negative, and a kWh costs nothing beside it")
        self._check_delivery()
        for what, currency in self._currencies():
            if currency != self.currency:
                raise CurrencyMismatch(
                    f"{what} is in {currency}, the energy in {self.currency}: a contract has one currency"
                )

    def _check_delivery(self) -> None:
        is_whole = not self.metering % timedelta(minutes=1)
        if not (is_whole and _SHORTEST_METERING <= self.metering <= _LONGEST_METERING):
            raise TermsInvalid(f"a metering interval takes 1 to 60 whole minutes, not {self.metering}")
        share = self.share_percent
        if share is not None and not (share.is_finite() and 0 < share <= WHOLE_PERCENT):
            raise TermsInvalid(f"a share of a meter is more than 0 and at most 100 %, not {share}")
        if self.session is not None and (self.penalties or self.fixed is not None):
            raise TermsInvalid("a session costs what was charged: it has no penalties and no fixed price")
        self._check_stall()
        for what, sides in (
            ("penalty", [penalty.side for penalty in self.penalties]),
            ("price of cancelling", [term.side for term in self.cancellation]),
        ):
            if len(set(sides)) < len(sides):
                raise TermsInvalid(f"a side has one {what} at most")
        if not self.has_one_price and any(penalty.price is None for penalty in self.penalties):
            raise TermsInvalid(
                "a penalty in per cent of the price needs one price: energy that did not flow has no time"
            )

    def _check_stall(self) -> None:
        stall = None if self.session is None else self.session.stall
        if stall is None:
            return
        beside = (self.all_wheeling, self.percentages, self.amounts_off, self.charges, self.by_interval)
        if self.pricing_model is not PricingModel.PER_KWH or any(beside):
            raise TermsInvalid("a stall is sold by the kWh and the minute: nothing but taxes is beside these")
        if stall.terms.energy != self.price:
            raise TermsInvalid("the energy at a stall has one price")

    @property
    def currency(self) -> Currency:
        return self.price.currency

    @property
    def told_price(self) -> Price:
        """What a kWh costs at most, where one price has to be told."""
        if self.by_interval is None:
            return self.price
        dearest = max(self.price.per_kwh, *self.by_interval.prices)
        return Price(per_kwh=dearest, currency=self.currency)

    @property
    def flat(self) -> Money | None:
        """What is due whatever flows: a subscription's fee, a fixed price."""
        return self.subscription.fee if self.subscription else self.fixed

    @property
    def has_one_price(self) -> bool:
        """Whether every kWh costs the same, and nothing else is due for energy."""
        return self.pricing_model is PricingModel.PER_KWH and self.by_interval is None

    @property
    def can_be_repriced(self) -> bool:
        """Whether another price per kWh can take the place of theirs: one for a stall stands in its terms."""
        return self.has_one_price and (self.session is None or self.session.stall is None)

    @property
    def allowance(self) -> Energy | None:
        """What of each period's energy the fee includes, where what is beyond has the price of its time.

        It is used up in the order of time. None where that does not matter: all energy has one price.
        """
        is_timed = self.rates is not None or self.by_interval is not None
        return self.subscription.included if self.subscription is not None and is_timed else None

    @property
    def told_wheeling(self) -> Wheeling | None:
        """The charge that the wire has room for: the buyer's, to the platform, in each cycle."""
        wheeling = self.wheeling
        if wheeling is None or not wheeling.is_billed or wheeling.basis is not WheelingBasis.FIXED_PER_CYCLE:
            return None
        return Wheeling(
            utility_name=wheeling.utility_name, amount=wheeling.amount, description=wheeling.description
        )

    @property
    def all_wheeling(self) -> tuple[Wheeling, ...]:
        """Every wheeling charge, in the order of its lines."""
        return (*((self.wheeling,) if self.wheeling else ()), *self.further_wheeling)

    @property
    def percentages(self) -> tuple[Discount, ...]:
        """Every discount in per cent; a band names those that hold by their positions here."""
        offer = (self.discount,) if self.discount else ()
        return (*offer, *(discount for discount in self.promotions if isinstance(discount, Discount)))

    @property
    def amounts_off(self) -> tuple[AmountOff, ...]:
        return tuple(discount for discount in self.promotions if isinstance(discount, AmountOff))

    def band_of(self, interval_start: datetime, zone: str) -> Band:
        """Return the band of an interval by when it begins, on the clock of `zone`.

        An interval is never divided: what begins at 08:45 is priced as that, however long it lasts.
        Raises: ZoneUnknown.
        """
        rate, label = self._rate_of(interval_start, zone)
        if self.subscription is None:
            return Band(rate, label=label, discounts=self.percentages_at(interval_start))
        day = interval_start.astimezone(find_zone(zone)).date()
        return Band(rate, label=label, period=calendar_period(day, self.subscription.every)[0])

    def _rate_of(self, instant: datetime, zone: str) -> tuple[Decimal, str]:
        """Return what a kWh costs at an instant, and what its hours are called."""
        if self.rates is not None:
            found = self.rates.find(instant.astimezone(find_zone(zone)).time())
            return (self.price.per_kwh, OTHER_HOURS) if found is None else (found.rate, found.label)
        price = self.by_interval.find(instant) if self.by_interval is not None else None
        return (self.price.per_kwh if price is None else price), ALWAYS

    def percentages_at(self, instant: datetime) -> tuple[int, ...]:
        """Return the positions of the percentages that hold at `instant`."""
        return tuple(at for at, discount in enumerate(self.percentages) if discount.holds_at(instant))

    def cancellation_of(self, side: Side) -> CancellationTerm | None:
        """Return what it costs `side` to cancel late, None where it is always free."""
        return next((term for term in self.cancellation if term.side is side), None)

    def _currencies(self) -> Iterator[tuple[str, Currency]]:
        """Return every currency that is named, with what is in it."""
        for wheeling in self.all_wheeling:
            yield "wheeling", wheeling.currency
        for off in self.amounts_off:
            yield off.title, off.amount.currency
        if self.session is not None:
            yield from self.session.currencies()
        for what, currency in (
            *((charge.title, charge.currency) for charge in self.charges),
            *(("a penalty", penalty.currency) for penalty in self.penalties),
            *(("the price of cancelling", term.currency) for term in self.cancellation),
        ):
            if currency is not None:
                yield what, currency
        if self.subscription is not None:
            yield "the subscription", self.subscription.fee.currency
        if self.fixed is not None:
            yield "the fixed price", self.fixed.currency
