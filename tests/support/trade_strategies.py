"""Hypothesis strategies for trades: orders, listings and contracts as every generation can carry them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from hypothesis import strategies as st

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money, sum_money
from trading.charges import AmountOff, Charge, Discount, LineKind, Percent, Subscription, Tax
from trading.contract import Contract
from trading.delivery import (
    BillingCycleView,
    ContractView,
    CurtailmentReason,
    Cut,
    Delivery,
    DeliveryStatus,
    LineItemView,
    MeterReadingView,
    Metric,
    MetricName,
    SettlementCycleView,
    TelemetryEvent,
)
from trading.geometry import Geometry, GeometryKind, point_at
from trading.lifecycle import ContractStatus
from trading.listing import ListedOffer, ListedTerms, Listing
from trading.matching import NO_LOSSES, Billed, Losses, Matching
from trading.offer import (
    Certification,
    DeliveryMode,
    EnergySource,
    Provider,
    Resource,
    SourceType,
    SupportContact,
)
from trading.penalties import Counted, Payee, ShortfallPenalty, Tolerance
from trading.periods import BillingPeriod
from trading.place import Address, Place
from trading.rates import DayRates, IntervalPrices, Price, TimeOfDayRate
from trading.request import MOST_WORDS, Criteria, Inquiry, OrderRequest, Rating
from trading.spatial import Quantifier, SpatialFilter, SpatialOperator
from trading.terms import PaymentTiming, PricingModel, SettlementType, Terms
from trading.wheeling import Collector, Side, Wheeling, WheelingBasis

CATEGORIES: Final = ("ORDER", "FULFILLMENT", "ITEM", "PROVIDER", "AGENT")

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
    by_interval = draw(st.none() | interval_prices) if model is PricingModel.PER_KWH else None
    return Terms(
        price=price,
        wheeling=draw(st.none() | wheelings(currency)),
        discount=None if percent is None else Discount(title="Offer", percent=percent),
        pricing_model=model,
        settlement_type=draw(st.sampled_from(SettlementType)),
        billing_period=draw(st.sampled_from(BillingPeriod)),
        rates=draw(day_rates()) if model is PricingModel.TIME_OF_DAY else None,
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


sources = st.builds(
    EnergySource,
    source_type=st.sampled_from(SourceType),
    delivery_mode=st.sampled_from(DeliveryMode),
    meter_id=meters,
    inverter_id=st.none() | words,
    certification=st.none()
    | st.builds(Certification, status=words, certificates=st.lists(words, max_size=2).map(tuple)),
)


def degrees(most: int) -> st.SearchStrategy[Decimal]:
    """Angles between −`most` and `most`, to the tenth of a metre."""
    return st.decimals(min_value=-most, max_value=most, places=6)


positions = st.tuples(degrees(180), degrees(90))
points = positions.map(lambda found: point_at(longitude=found[0], latitude=found[1]))
lines = st.lists(positions, min_size=2, max_size=4).map(
    lambda found: Geometry(kind=GeometryKind.LINE, coordinates=tuple(found))
)
triangles = st.tuples(positions, positions, positions).map(
    lambda found: Geometry(kind=GeometryKind.POLYGON, coordinates=((*found, found[0]),))
)
pairs = st.tuples(positions, positions).map(
    lambda found: Geometry(kind=GeometryKind.POINTS, coordinates=found)
)
collections = st.lists(points | lines | triangles, min_size=1, max_size=3).map(
    lambda found: Geometry(kind=GeometryKind.COLLECTION, members=tuple(found))
)
geometries = points | lines | triangles | pairs | collections
addresses = st.builds(
    Address,
    street=st.none() | words,
    locality=st.none() | words,
    region=st.none() | words,
    postal_code=st.none() | words,
    country=st.none() | words,
).filter(lambda address: address != Address())
places = st.builds(Place, geometry=geometries, address=st.none() | addresses)

metres = st.decimals(min_value=0, max_value=10**7, places=2)
spatial_filters = st.sampled_from(SpatialOperator).flatmap(
    lambda operator: st.builds(
        SpatialFilter,
        operator=st.just(operator),
        geometry=geometries,
        targets=st.lists(words, min_size=1, max_size=2).map(tuple),
        quantifier=st.sampled_from(Quantifier),
        distance=metres if operator is SpatialOperator.DWITHIN else st.none(),
    )
)
circles = st.builds(
    SpatialFilter, operator=st.just(SpatialOperator.DWITHIN), geometry=points, distance=metres
)


def criteria_of(profile: str) -> st.SearchStrategy[Criteria]:
    """Criteria as the generation can say them: circles and a time in v1.1, every shape in 2.0."""
    is_first = profile == "v1_1"
    return st.builds(
        replace,
        criteria,
        places=st.lists(circles if is_first else spatial_filters, max_size=2).map(tuple),
        window=st.none() | intervals() if is_first else st.none(),
    )


criteria = st.builds(
    Criteria,
    words=st.lists(words, max_size=3).map(
        lambda found: tuple(dict.fromkeys(" ".join(found).casefold().split()))[:MOST_WORDS]
    ),
    expression=st.none() | words,
)
inquiries = st.builds(Inquiry, category=st.sampled_from(CATEGORIES), target_id=words)
contacts = st.builds(
    SupportContact,
    name=words,
    phone=st.none() | words,
    email=st.none() | words,
    url=st.none() | words,
    hours=st.none() | words,
)
ratings = st.builds(
    Rating,
    target_id=words,
    category=st.sampled_from(CATEGORIES),
    value=st.decimals(min_value=0, max_value=10, places=2),
    worst=st.integers(min_value=0, max_value=1).map(Decimal),
    best=st.integers(min_value=2, max_value=10).map(Decimal),
    feedback=st.just({}) | st.fixed_dictionaries({"comments": words}),
)


@st.composite
def order_requests(draw: st.DrawFn) -> OrderRequest:
    """An order that leaves out no more than every generation may."""
    quantity = draw(st.none() | energies)
    total = draw(st.none() | st.decimals(min_value=0, max_value=10**6, places=2))
    currency = None if total is None else draw(currencies).code
    return OrderRequest(
        order_id=draw(st.none() | words),
        seller=draw(words),
        buyer_id=draw(words),
        resource_id=draw(words),
        offer_id=draw(st.none() | words),
        quantity=quantity,
        contracted=None if quantity is None else draw(st.none() | energies),
        target_meter=draw(st.none() | meters),
        trade_start=draw(st.none() | instants),
        trade_end=draw(st.none() | instants),
        total=total,
        currency=currency,
    )


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    """What several providers offer, each at least one thing."""
    names = draw(st.lists(words, min_size=1, max_size=2, unique=True))
    providers = tuple(Provider(id=name, name=draw(words)) for name in names)
    resources: list[Resource] = []
    offers: list[ListedOffer] = []
    for provider in providers:
        resource = Resource(
            id=f"item-{len(resources)}",
            provider_id=provider.id,
            name=draw(words),
            source=draw(sources),
            available=draw(energies),
            production=draw(intervals()),
            place=draw(st.none() | places),
        )
        resources.append(resource)
        offers += draw(st.lists(listed_offers(resource), min_size=1, max_size=2))
    return Listing(
        id=draw(words),
        name=draw(words),
        providers=providers,
        resources=tuple(resources),
        offers=tuple(offers),
        networks=draw(st.lists(words, max_size=2).map(tuple)),
    )


@st.composite
def listed_offers(draw: st.DrawFn, resource: Resource) -> ListedOffer:
    currency = draw(currencies)
    wheeling = draw(st.none() | moneys(currency))
    model = draw(st.sampled_from(PricingModel))
    has_flat = model in (PricingModel.SUBSCRIPTION, PricingModel.FIXED)
    return ListedOffer(
        id=draw(words),
        name=draw(words),
        provider_id=resource.provider_id,
        resource_id=resource.id,
        terms=ListedTerms(
            price=Price(per_kwh=draw(prices), currency=currency),
            pricing_model=model,
            settlement_type=draw(st.sampled_from(SettlementType)),
            wheeling=wheeling,
            wheeling_description="" if wheeling is None else draw(words),
            flat=draw(moneys(currency)) if has_flat else None,
            hours=draw(day_rates()).rates if model is PricingModel.TIME_OF_DAY else (),
            by_interval=draw(st.none() | interval_prices) if model is PricingModel.PER_KWH else None,
        ),
        minimum=draw(st.none() | energies),
        maximum=draw(st.none() | energies),
        validity=draw(st.none() | intervals()),
        description=draw(st.just("") | words),
    )


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    now = draw(instants)
    return Contract(
        id=draw(words),
        transaction_id="t-1",
        bap_id="bap.example",
        bap_url="https://bap.example",
        buyer_id=draw(words),
        provider_id=draw(words),
        resource_id=draw(words),
        offer_id=draw(words),
        offer_name=draw(words),
        profile="v2_rc",
        source=draw(sources),
        target_meter=draw(meters),
        quantity=draw(energies.filter(lambda energy: energy.watt_hours > 0)),
        window=draw(intervals()),
        terms=draw(terms()),
        zone="Asia/Kolkata",
        status=draw(st.sampled_from(ContractStatus)),
        created_at=now,
        updated_at=now,
        hold_until=now,
    )


@st.composite
def contract_views(draw: st.DrawFn) -> ContractView:
    contract = draw(contracts())
    currency = contract.terms.currency
    cycles = st.builds(
        SettlementCycleView,
        cycle_id=words,
        period=intervals(),
        status=st.sampled_from(["PENDING", "SETTLED", "FAILED"]),
        amount=moneys(currency),
    )
    return ContractView(
        contract=contract,
        delivery=draw(deliveries(contract.window)),
        cycles=tuple(draw(st.lists(cycles, max_size=2))),
        bills=tuple(draw(st.lists(bills(currency), max_size=2))),
    )


@st.composite
def bills(draw: st.DrawFn, currency: Currency) -> BillingCycleView:
    """A bill whose lines add up to its total."""
    line = st.builds(LineItemView, title=words, amount=moneys(currency))
    lines = draw(st.lists(line, max_size=2))
    return BillingCycleView(
        cycle_id=draw(words),
        period=draw(intervals()),
        status=draw(st.sampled_from(["PENDING", "PAID", "OVERDUE"])),
        total=sum_money((entry.amount for entry in lines), currency=currency),
        lines=tuple(lines),
    )


@st.composite
def deliveries(draw: st.DrawFn, window: Interval) -> Delivery:
    readings = st.builds(
        MeterReadingView, at=instants, source=st.none() | energies, target=st.none() | energies, flow=energies
    )
    metric = st.builds(
        Metric,
        name=st.sampled_from(MetricName),
        value=st.decimals(min_value=-(10**9), max_value=10**9, places=4),
        unit_code=st.sampled_from(["KWH", "KW", "VLT"]),
    )
    events = st.builds(
        TelemetryEvent, at=instants, metrics=st.lists(metric, min_size=1, max_size=2).map(tuple)
    )
    return Delivery(
        status=draw(st.sampled_from(DeliveryStatus)),
        delivered=draw(energies),
        window=window,
        ended=draw(st.booleans()),
        readings=tuple(draw(st.lists(readings, max_size=2))),
        telemetry=tuple(draw(st.lists(events, max_size=2))),
        settlement_cycle_id=draw(st.none() | words),
        cut=draw(st.none() | st.builds(Cut, quantity=energies, reason=st.sampled_from(CurtailmentReason))),
    )


def told_on(view: ContractView, profile: str) -> ContractView:
    """Return the view of the same contract, concluded on the wire of `profile`."""
    return replace(view, contract=replace(view.contract, profile=profile))
