"""An offer of the catalogue file: the terms that energy is sold on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time, timedelta
from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, model_validator

from bpp.catalog_file.charging import SessionEntry
from bpp.catalog_file.delivery import CancellationEntry, LossesEntry, PenaltyEntry
from bpp.catalog_file.entry import Amount, CurrencyCode, Entry, Identifier, Kwh, Name, WindowEntry, ZoneName
from bpp.catalog_file.promotion import DiscountEntry, Percentage, PromotionEntry, require_distinct
from bpp.catalog_file.sharing import Share
from bpp.catalog_file.wheeling import WheelingEntry
from kernel.clock import format_instant
from kernel.currency import Currency
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.charges import Charge, Discount, LineKind, Percent, Subscription, Tax, Value
from trading.matching import NO_LOSSES, Matching
from trading.offer import DeliveryMode, Offer
from trading.periods import BillingPeriod
from trading.rates import METERING_GRID, DayRates, IntervalPrices, Price, TermsInvalid, TimeOfDayRate
from trading.terms import PaymentTiming, PricingModel, SettlementType, Terms
from trading.wheeling import Wheeling

_MINUTES: Final = 60
Payment = PaymentTiming | Annotated[tuple[PaymentTiming, ...], Field(min_length=1)]


def _clock(value: object) -> object:
    """Let 17:30 be a number to the base of 60, as YAML 1.1 reads it: older versions are kept so."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * _MINUTES:
        return f"{value // _MINUTES:02}:{value % _MINUTES:02}"
    return value


def _listed(value: object) -> object:
    """Let one charge stand without the list around it."""
    return [value] if isinstance(value, dict) else value


def _require_once(payment: Payment) -> Payment:
    if isinstance(payment, tuple) and len(set(payment)) < len(payment):
        raise ValueError("a way of paying is named twice")
    return payment


def _upper(value: object) -> object:
    """Let a word be written in small letters."""
    return value.upper() if isinstance(value, str) else value


Clock = Annotated[str, BeforeValidator(_clock), StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class HoursEntry(Entry):
    """What a kWh costs from `start` until just before `end`, every day by the offer's clock."""

    start: Clock
    end: Clock
    rate: Amount

    def to_domain(self) -> TimeOfDayRate:
        return TimeOfDayRate(
            start=time.fromisoformat(self.start), end=time.fromisoformat(self.end), rate=self.rate
        )


class SubscriptionEntry(Entry):
    """A fee for each period of the calendar, and the energy that is in it."""

    fee: Amount
    every: BillingPeriod = BillingPeriod.MONTHLY
    included_kwh: Kwh | None = None

    def to_domain(self, currency: Currency) -> Subscription:
        included = Energy.from_kwh(self.included_kwh) if self.included_kwh else ZERO_ENERGY
        return Subscription(fee=Money.of(self.fee, currency), every=self.every, included=included)


class IntervalPricesEntry(Entry):
    """What a kWh costs in each of many intervals, one after the other."""

    start: AwareDatetime
    minutes: Annotated[int, Field(gt=0, le=24 * 60)] = METERING_GRID // timedelta(minutes=1)
    prices: Annotated[tuple[Amount, ...], Field(min_length=1, max_length=100_000)]

    def to_domain(self) -> IntervalPrices:
        return IntervalPrices(start=self.start, step=timedelta(minutes=self.minutes), prices=self.prices)


class ChargeEntry(Entry):
    """Something that is added: an amount once or every period, a price per kWh, or a per cent."""

    title: Identifier
    amount: Amount | None = None
    per_kwh: Amount | None = None
    percent: Percentage | None = None
    every: BillingPeriod | None = None

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Self:
        if [self.amount, self.per_kwh, self.percent].count(None) != len(("amount", "percent")):
            raise ValueError("a charge has one of amount, per_kwh and percent")
        return self

    def to_domain(self, kind: LineKind, currency: Currency) -> Charge:
        return Charge(kind=kind, title=self.title, value=self._value(currency), every=self.every)

    def _value(self, currency: Currency) -> Value:
        if self.per_kwh is not None:
            return Price(per_kwh=self.per_kwh, currency=currency)
        if self.percent is not None:
            return Percent(of_energy=self.percent)
        return Money.of(self.amount or 0, currency)


class TaxEntry(Entry):
    """A tax on the lines of some kinds, on all unless said otherwise."""

    title: Identifier
    percent: Percentage
    jurisdiction: Identifier
    applies_to: frozenset[LineKind] = frozenset(LineKind) - {LineKind.TAX}

    def to_domain(self) -> Tax:
        return Tax(**self.model_dump())


class OfferEntry(Entry):
    """Terms on which a resource is sold.

    `tariffs` are files of utilities' charges, beside the catalogue. `metering_minutes` is how long the
    meters' intervals last, on whose bounds hours must begin and end; in REAL_TIME each is a cycle.
    `share_percent` is the fixed share of the meter that each contract has, by the sharing of the resource.
    `payment` may be several: the buyer chooses, and the first holds if it does not.
    With `counter_terms` an order that cannot be taken is answered with the nearest that can.
    """

    id: Identifier
    name: Name
    resource: Identifier
    currency: CurrencyCode
    price_per_kwh: Amount | None = None
    time_of_day: tuple[HoursEntry, ...] | None = None
    subscription: SubscriptionEntry | None = None
    fixed_price: Amount | None = None
    interval_prices: IntervalPricesEntry | None = None
    wheeling: Annotated[tuple[WheelingEntry, ...], BeforeValidator(_listed)] = ()
    tariffs: tuple[str, ...] = ()
    discount: DiscountEntry | None = None
    promotions: Annotated[tuple[PromotionEntry, ...], AfterValidator(require_distinct)] = ()
    surcharges: tuple[ChargeEntry, ...] = ()
    fees: tuple[ChargeEntry, ...] = ()
    add_ons: tuple[ChargeEntry, ...] = ()
    taxes: tuple[TaxEntry, ...] = ()
    minimum_kwh: Kwh | None = None
    maximum_kwh: Kwh | None = None
    validity: WindowEntry | None = None
    window: WindowEntry | None = None
    zone: ZoneName
    pricing_model: PricingModel = PricingModel.PER_KWH
    settlement_type: SettlementType = SettlementType.DAILY
    billing_period: BillingPeriod = BillingPeriod.MONTHLY
    payment: Annotated[Payment, AfterValidator(_require_once)] = PaymentTiming.POSTPAID
    metering_minutes: Annotated[int, Field(gt=0, le=60)] = METERING_GRID // timedelta(minutes=1)
    matching: Annotated[Matching, BeforeValidator(_upper)] = Matching.WINDOW
    losses: LossesEntry | None = None
    penalties: tuple[PenaltyEntry, ...] = ()
    share_percent: Share | None = None
    counter_terms: bool = False
    session: SessionEntry | None = None
    cancellation: Annotated[tuple[CancellationEntry, ...], BeforeValidator(_listed)] = ()

    @model_validator(mode="after")
    def _can_be_ordered(self) -> Self:
        least, most = self.minimum_kwh, self.maximum_kwh
        if least is not None and most is not None and least > most:
            raise ValueError(
                f"minimum_kwh {least:f} is more than maximum_kwh {most:f}: nothing can be ordered"
            )
        return self

    def to_domain(
        self, provider_id: str, tariffs: Sequence[Wheeling], *, power: Decimal | None = None
    ) -> Offer:
        """Return the offer; `tariffs` is what its tariff files charge. Raises: ValueError.

        `power` is that of a connector (kW), whose sessions have terms of their own.
        """
        offer = Offer(
            id=self.id,
            name=self.name,
            provider_id=provider_id,
            resource_id=self.resource,
            terms=self._terms(tariffs, power=power),
            zone=self.zone,
            minimum=Energy.from_kwh(self.minimum_kwh) if self.minimum_kwh else None,
            maximum=Energy.from_kwh(self.maximum_kwh) if self.maximum_kwh else None,
            validity=self.validity.to_domain() if self.validity else None,
            counters=self.counter_terms,
            delivery=self.window.to_domain() if self.window else None,
            payments=self._payments,
            promotions=tuple(
                entry.to_promotion(Currency(self.currency))
                for entry in self.promotions
                if not entry.is_for_all
            ),
        )
        offer.promoted(offer.promotions)  # what its terms leave no room for is not offered
        return offer

    @property
    def _payments(self) -> tuple[PaymentTiming, ...]:
        """The ways of paying, the usual one first."""
        return self.payment if isinstance(self.payment, tuple) else (self.payment,)

    def _terms(self, tariffs: Sequence[Wheeling], *, power: Decimal | None) -> Terms:
        currency = Currency(self.currency)
        rates = self._rates()
        price = Price(per_kwh=self._price(rates), currency=currency)
        own = self.session or SessionEntry()
        session = None if power is None else own.to_domain(price, power=power)
        wheeling = [*(entry.to_domain(currency) for entry in self.wheeling), *tariffs]
        offs = [self.discount] if self.discount else []
        for_all = [entry for entry in self.promotions if entry.is_for_all]
        discounts = [entry.to_domain(currency) for entry in (*offs, *for_all)]
        first = discounts[0] if discounts and isinstance(discounts[0], Discount) else None
        fixed = None if self.fixed_price is None else Money.of(self.fixed_price, currency)
        return Terms(
            price=price,
            wheeling=wheeling[0] if wheeling else None,
            discount=first,
            pricing_model=self.pricing_model,
            settlement_type=self.settlement_type,
            billing_period=self.billing_period,
            rates=rates,
            subscription=self.subscription.to_domain(currency) if self.subscription else None,
            fixed=fixed,
            by_interval=self.interval_prices.to_domain() if self.interval_prices else None,
            further_wheeling=tuple(wheeling[1:]),
            promotions=tuple(discounts[1:] if first else discounts),
            charges=(*self._charges(currency), *([session.finder] if session and session.finder else [])),
            taxes=tuple(entry.to_domain() for entry in self.taxes),
            matching=self.matching,
            metering=timedelta(minutes=self.metering_minutes),
            losses=self.losses.to_domain() if self.losses else NO_LOSSES,
            penalties=tuple(entry.to_domain(currency) for entry in self.penalties),
            payment=self._payments[0],
            share_percent=self.share_percent,
            session=session,
            cancellation=(
                *(entry.to_domain(currency) for entry in self.cancellation),
                *own.kept_fee(currency),
            ),
        )

    def _rates(self) -> DayRates | None:
        if self.time_of_day is None:
            return None
        grid = timedelta(minutes=self.metering_minutes)
        return DayRates(rates=tuple(entry.to_domain() for entry in self.time_of_day), grid=grid)

    def _price(self, rates: DayRates | None) -> Decimal:
        """Return the price of energy that nothing else prices.

        Where hours cover the whole day nothing is left to be priced, and buyers are told the dearest of
        them. Raises: TermsInvalid, if a price is needed and none is there.
        """
        if self.price_per_kwh is not None:
            return self.price_per_kwh
        is_timed = rates is not None or self.interval_prices is not None
        if not is_timed and self.pricing_model in (PricingModel.SUBSCRIPTION, PricingModel.FIXED):
            return Decimal(0)
        if rates is None:
            raise TermsInvalid(f"{self.pricing_model} needs price_per_kwh")
        gap = rates.first_gap()
        if gap is not None:
            raise TermsInvalid(
                f"at {gap:%H:%M} no time_of_day rate holds: add one, or price_per_kwh for all other hours"
            )
        return max(rate.rate for rate in rates.rates)

    def _charges(self, currency: Currency) -> tuple[Charge, ...]:
        entries = (
            (LineKind.SURCHARGE, self.surcharges),
            (LineKind.FEE, self.fees),
            (LineKind.ADD_ON, self.add_ons),
        )
        return tuple(entry.to_domain(kind, currency) for kind, found in entries for entry in found)


def check_window(production: Interval, offer: OfferEntry, *, is_session: bool) -> None:
    """Let an offer name a window within the production, unless it sells sessions. Raises: ValueError."""
    if offer.window is None:
        return
    if is_session:
        raise ValueError("a charging session has its own window: leave out the offer's")
    window = offer.window.to_domain()
    if window.intersection(production) != window:
        raise ValueError(
            f"the window is not all within the production, from {format_instant(production.start)} until "
            f"{format_instant(production.end)}"
        )


def check_one_meter(mode: DeliveryMode, offer: OfferEntry) -> None:
    """Let an offer have losses or a share of a meter only between two meters. Raises: ValueError."""
    if not mode.is_metered_once:
        return
    if offer.losses is not None:
        raise ValueError(f"energy by {mode} is metered where it is handed over: nothing of it is lost")
    if offer.share_percent is not None:
        raise ValueError(f"energy by {mode} is metered where it is handed over: nobody has a share of that")
