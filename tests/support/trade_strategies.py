"""Hypothesis strategies for trades: orders, listings and contracts as every generation can carry them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from kernel.currency import Currency
from kernel.interval import Interval
from kernel.money import sum_money
from kernel.plain_text import searchable
from tests.support.place_strategies import (
    circles,
    places,
    spatial_filters,
)
from tests.support.term_strategies import (
    currencies,
    day_rates,
    energies,
    instants,
    interval_prices,
    intervals,
    meters,
    moneys,
    prices,
    terms,
    words,
)
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
from trading.grid import GridStanding
from trading.lifecycle import ContractStatus
from trading.listing import ListedOffer, ListedTerms, Listing
from trading.offer import (
    Certification,
    DeliveryMode,
    EnergySource,
    Provider,
    Resource,
    SourceType,
    SupportContact,
)
from trading.rates import Price
from trading.request import MOST_WORDS, Criteria, Inquiry, OrderRequest, Rating
from trading.terms import PricingModel, SettlementType
from trading.utility_account import Allotted, UtilityAccount

CATEGORIES: Final = ("ORDER", "FULFILLMENT", "ITEM", "PROVIDER", "AGENT")


sources = st.builds(
    EnergySource,
    source_type=st.sampled_from(SourceType),
    delivery_mode=st.sampled_from(DeliveryMode),
    meter_id=meters,
    inverter_id=st.none() | words,
    certification=st.none()
    | st.builds(Certification, status=words, certificates=st.lists(words, max_size=2).map(tuple)),
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
        lambda found: tuple(dict.fromkeys(searchable(" ".join(found)).split()))[:MOST_WORDS]
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
        delivery=draw(st.none() | intervals()),
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
        grid=draw(st.none() | standings),
    )


standings: st.SearchStrategy[GridStanding] = st.builds(
    GridStanding,
    platform=words,
    seller_utility=words,
    buyer_utility=words,
    offered=st.just(0),
    limit=st.none(),
)
utility_accounts: st.SearchStrategy[UtilityAccount] = st.builds(
    UtilityAccount,
    utility_id=words,
    said_at=instants,
    delivered=st.none() | energies,
    periods=st.lists(st.builds(Allotted, period=intervals(), energy=energies), max_size=2).map(tuple),
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
        utilities=tuple(draw(st.lists(utility_accounts, max_size=2))) if contract.grid else (),
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
