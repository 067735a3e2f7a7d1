"""Hypothesis strategies for what trades are made of: amounts, intervals and the terms of offers."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import strategies as st

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from trading.charges import AmountOff, Charge, Discount, LineKind, Percent, Subscription, Tax
from trading.matching import NO_LOSSES, Billed, Losses, Matching
from trading.penalties import Counted, Payee, ShortfallPenalty, Tolerance
from trading.periods import BillingPeriod
from trading.rates import DayRates, IntervalPrices, Price, TimeOfDayRate
from trading.terms import PaymentTiming, PricingModel, SettlementType, Terms
from trading.wheeling import Collector, Side, Wheeling, WheelingBasis

currencies = st.sampled_from([Currency(code) for code in ("USD", "INR", "JPY", "KWD")])


words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
energies = st.integers(min_value=0, max_value=10**9).map(Energy)
meters = st.integers(min_value=1, max_value=10**10).map(str)
instants = st.integers(min_value=0, max_value=10**12).map(
    lambda moment: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)
)
prices = st.decimals(min_value=0, max_value=10_000, places=6)
percentages = st.decimals(min_value=Decimal("0.01"), max_value=100, places=2)
shares = st.decimals(min_value=Decimal("0.000001"), max_value=100, places=6) | percentages


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    start = draw(instants)
    return Interval(start, start + timedelta(seconds=draw(st.integers(min_value=1, max_value=10**7))))


@st.composite
def moneys(draw: st.DrawFn, currency: Currency) -> Money:
    return Money(draw(st.integers(min_value=0, max_value=10**12)), currency)


quarters = st.integers(min_value=0, max_value=95)


@st.composite
def day_rates(draw: st.DrawFn) -> DayRates:
    """Hours that do not overlap, whose last may wrap around midnight."""
    bounds = sorted(draw(st.sets(quarters, min_size=2, max_size=5)))
    clock = [time(quarter // 4, quarter % 4 * 15) for quarter in bounds]
    spans = [*pairwise(clock), (clock[-1], clock[0])]
    chosen = draw(st.lists(st.sampled_from(spans), min_size=1, unique=True))
    return DayRates(
        rates=tuple(TimeOfDayRate(start=start, end=end, rate=draw(prices)) for start, end in chosen)
    )


interval_prices = st.builds(
    IntervalPrices,
    start=instants,
    step=st.just(timedelta(minutes=15)),
    prices=st.lists(prices, min_size=1, max_size=4).map(tuple),
)


@st.composite
def wheelings(draw: st.DrawFn, currency: Currency) -> Wheeling:
    basis = draw(st.sampled_from(WheelingBasis))
    price = Price(per_kwh=draw(prices), currency=currency) if basis is WheelingBasis.PER_KWH else None
    return Wheeling(
        utility_name=draw(words),
        amount=Money.zero(currency) if price else draw(moneys(currency)),
        description=draw(st.just("") | words),
        basis=basis,
        price=price,
        side=draw(st.sampled_from(Side)),
        collected_by=draw(st.sampled_from(Collector)),
        charge_on_zero=price is None and draw(st.booleans()),
    )


@st.composite
def charges(draw: st.DrawFn, currency: Currency) -> Charge:
    kind = draw(st.sampled_from([LineKind.FEE, LineKind.SURCHARGE, LineKind.ADD_ON]))
    values: list[st.SearchStrategy[Money | Price | Percent]] = [
        moneys(currency),
        st.builds(Price, per_kwh=prices, currency=st.just(currency)),
    ]
    if kind is not LineKind.ADD_ON:
        values.append(st.builds(Percent, of_energy=percentages))
    value = draw(st.one_of(values))
    is_repeated = kind is LineKind.ADD_ON and isinstance(value, Money) and draw(st.booleans())
    every = draw(st.sampled_from(BillingPeriod)) if is_repeated else None
    return Charge(kind=kind, title=draw(words), value=value, every=every)


@st.composite
def promotions(draw: st.DrawFn, currency: Currency) -> Discount | AmountOff:
    validity = draw(st.none() | intervals())
    if draw(st.booleans()):
        return Discount(title=draw(words), percent=draw(percentages), validity=validity)
    amount = Money(draw(st.integers(min_value=1, max_value=10**6)), currency)
    return AmountOff(title=draw(words), amount=amount, validity=validity)


taxes = st.builds(
    Tax,
    title=words,
    percent=percentages,
    jurisdiction=words,
    applies_to=st.frozensets(
        st.sampled_from([kind for kind in LineKind if kind is not LineKind.TAX]), min_size=1
    ),
)
losses = st.builds(
    Losses, st.decimals(min_value=0, max_value=Decimal("0.99"), places=4), st.sampled_from(Billed)
)
tolerances = st.builds(
    Tolerance,
    percent=st.decimals(min_value=0, max_value=100, places=2),
    counted=st.sampled_from(Counted),
)


@st.composite
def penalties(draw: st.DrawFn, currency: Currency, *, is_flat: bool) -> tuple[ShortfallPenalty, ...]:
    """What each side owes for a shortfall, some of them nothing; a per cent of the price where it is one."""
    found: list[ShortfallPenalty] = []
    for side in draw(st.lists(st.sampled_from(Side), max_size=2, unique=True)):
        of_price = is_flat and draw(st.booleans())
        found.append(
            ShortfallPenalty(
                side=side,
                price=None if of_price else Price(per_kwh=draw(prices), currency=currency),
                percent_of_price=draw(percentages) if of_price else None,
                payee=draw(st.sampled_from(Payee)),
                tolerance=draw(tolerances),
            )
        )
    return tuple(found)


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Terms of every pricing model, with every kind of charge."""
    currency = draw(currencies)
    model = draw(st.sampled_from(PricingModel))
    percent = draw(st.none() | percentages)
    is_fixed = model is PricingModel.FIXED
    price = Price(per_kwh=Decimal(0) if is_fixed else draw(prices), currency=currency)
    subscription = st.builds(
        Subscription, fee=moneys(currency), every=st.sampled_from(BillingPeriod), included=energies
    )
    may_have = (PricingModel.PER_KWH, PricingModel.SUBSCRIPTION)
    by_interval = draw(st.none() | interval_prices) if model in may_have else None
    rates = draw(day_rates()) if model is PricingModel.TIME_OF_DAY else None
    if model is PricingModel.SUBSCRIPTION and by_interval is None:
        rates = draw(st.none() | day_rates())
    return Terms(
        price=price,
        wheeling=draw(st.none() | wheelings(currency)),
        discount=None if percent is None else Discount(title="Offer", percent=percent),
        pricing_model=model,
        settlement_type=draw(st.sampled_from(SettlementType)),
        billing_period=draw(st.sampled_from(BillingPeriod)),
        rates=rates,
        subscription=draw(subscription) if model is PricingModel.SUBSCRIPTION else None,
        fixed=draw(moneys(currency)) if is_fixed else None,
        by_interval=by_interval,
        further_wheeling=tuple(draw(st.lists(wheelings(currency), max_size=2))),
        promotions=tuple(draw(st.lists(promotions(currency), max_size=2))),
        charges=tuple(draw(st.lists(charges(currency), max_size=3))),
        taxes=tuple(draw(st.lists(taxes, max_size=2))),
        matching=draw(st.sampled_from(Matching)),
        metering=timedelta(minutes=draw(st.sampled_from([15, 15, 30, 60]))),
        losses=draw(st.just(NO_LOSSES) | losses),
        penalties=draw(penalties(currency, is_flat=model is PricingModel.PER_KWH and by_interval is None)),
        payment=draw(st.sampled_from(PaymentTiming)),
        share_percent=draw(st.none() | shares),
    )
