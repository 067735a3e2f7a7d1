"""The terms of the catalogue file: every model and charge, and sentences for what cannot be billed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bpp.catalog_file.reader import CatalogueInvalid, load_catalogue, read_catalogue
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from tests.support.seller_world import CATALOGUE_FILE
from trading.charges import AmountOff, Charge, Discount, LineKind, Percent, Subscription, Tax
from trading.periods import BillingPeriod
from trading.rates import Price
from trading.terms import PaymentTiming, PricingModel, SettlementType, Terms
from trading.wheeling import Collector, Side, WheelingBasis

TEXT = CATALOGUE_FILE.read_text(encoding="utf-8")
USD = Currency("USD")
PRICE = "    price_per_kwh: 0.15\n"
HOURS = f"{PRICE}    pricing_model: TIME_OF_DAY\n"
EXAMPLE = Path(__file__).parents[3] / "examples" / "catalog" / "by-the-hour.yaml"
TARIFF = """
utility: Valley Grid Services
zone: low voltage, north
currency: USD
charges:
  - per_kwh: 0.0125
  - {amount: 1, basis: FIXED_PER_CONTRACT, side: SELLER, collected_by: RETAILER, description: Feed-in}
"""


def terms(offer: str, *, price: str = PRICE) -> Terms:
    """Return the terms of the tests' offer, with these lines in the place of its price."""
    text = TEXT.replace(PRICE, price + offer)
    return read_catalogue(text, name="shop.yaml").offers[0].terms


def test_rates_by_the_hour_are_read_with_the_price_of_all_other_hours() -> None:
    agreed = terms(
        "    pricing_model: TIME_OF_DAY\n    time_of_day:\n"
        "      - {start: 09:00, end: 17:30, rate: 0.10}\n"
        '      - {start: "22:00", end: "06:00", rate: 0.05}\n'
    )
    assert agreed.pricing_model is PricingModel.TIME_OF_DAY
    assert agreed.rates is not None
    assert [(rate.start, rate.end, rate.rate) for rate in agreed.rates.rates] == [
        (time(9), time(17, 30), Decimal("0.10")),
        (time(22), time(6), Decimal("0.05")),
    ]
    assert agreed.price.per_kwh == Decimal("0.15")


def test_where_hours_cover_the_whole_day_no_other_price_is_needed_and_the_dearest_is_told() -> None:
    agreed = terms(
        "    pricing_model: TIME_OF_DAY\n    time_of_day:\n"
        "      - {start: 06:00, end: 22:00, rate: 0.30}\n      - {start: 22:00, end: 06:00, rate: 0.20}\n",
        price="",
    )
    assert agreed.price.per_kwh == Decimal("0.30")


def test_a_subscription_a_fixed_price_and_prices_by_interval_are_read() -> None:
    flat = terms(
        "    pricing_model: SUBSCRIPTION\n    subscription: {fee: 9.90, every: WEEKLY, included_kwh: 25}\n"
    )
    assert flat.subscription == Subscription(
        fee=Money.of("9.90", USD), every=BillingPeriod.WEEKLY, included=Energy(25_000)
    )
    unlimited = terms("    pricing_model: SUBSCRIPTION\n    subscription: {fee: 9.90}\n", price="")
    assert unlimited.price.per_kwh == 0
    fixed = terms("    pricing_model: FIXED\n    fixed_price: 25\n", price="")
    assert fixed.fixed == Money.of(25, USD)
    spot = terms(
        "    interval_prices: {start: 2026-01-09T10:00:00Z, minutes: 60, prices: [0.1, 0.2, 0.15]}\n"
    )
    assert spot.by_interval is not None
    assert (spot.by_interval.step, spot.by_interval.prices[1]) == (timedelta(hours=1), Decimal("0.2"))


def test_a_subscription_with_prices_by_the_time_needs_a_price_for_all_other_times() -> None:
    fee = "    pricing_model: SUBSCRIPTION\n    subscription: {fee: 9.90, included_kwh: 25}\n"
    evening = "    time_of_day: [{start: 18:00, end: 22:00, rate: 0.30}]\n"
    spot = "    interval_prices: {start: 2026-01-09T10:00:00Z, minutes: 60, prices: [0.1, 0.2]}\n"
    agreed = terms(fee + evening)
    assert agreed.rates is not None
    assert (agreed.rates.rates[0].rate, agreed.allowance) == (Decimal("0.30"), Energy(25_000))
    assert terms(fee + spot).by_interval is not None
    for beyond, why in ((evening, "at 00:00 no time_of_day rate holds"), (spot, "needs price_per_kwh")):
        with pytest.raises(CatalogueInvalid, match=why):
            terms(fee + beyond, price="")
    with pytest.raises(CatalogueInvalid, match="not both"):
        terms(fee + evening + spot)


def test_what_is_paid_ahead_says_so() -> None:
    assert terms("").payment is PaymentTiming.POSTPAID
    assert terms("    payment: prepaid\n").payment is PaymentTiming.PREPAID


def test_charges_discounts_and_taxes_are_read() -> None:
    agreed = terms(
        "    discount: {title: Welcome, amount: 5}\n"
        "    promotions:\n"
        "      - {title: Spring, percent: 10, validity: {start: 2026-03-01T00:00:00Z, "
        "end: 2026-06-01T00:00:00Z}}\n"
        "    surcharges: [{title: Peak, percent: 2}]\n"
        "    fees: [{title: Platform, per_kwh: 0.001}, {title: Set-up, amount: 1.5}]\n"
        "    add_ons: [{title: App, amount: 2, every: MONTHLY}]\n"
        "    taxes: [{title: GST, percent: 18, jurisdiction: IN-KA, applies_to: [FEE, ADD_ON]}]\n"
        "    settlement_type: WEEKLY\n    billing_period: DAILY\n"
    )
    spring = Interval(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    assert agreed.discount is None
    assert agreed.promotions == (
        AmountOff(title="Welcome", amount=Money.of(5, USD)),
        Discount(title="Spring", percent=Decimal(10), validity=spring),
    )
    assert agreed.charges == (
        Charge(kind=LineKind.SURCHARGE, title="Peak", value=Percent(of_energy=Decimal(2))),
        Charge(kind=LineKind.FEE, title="Platform", value=Price(per_kwh=Decimal("0.001"), currency=USD)),
        Charge(kind=LineKind.FEE, title="Set-up", value=Money.of("1.5", USD)),
        Charge(kind=LineKind.ADD_ON, title="App", value=Money.of(2, USD), every=BillingPeriod.MONTHLY),
    )
    assert agreed.taxes == (
        Tax(
            title="GST",
            percent=Decimal(18),
            jurisdiction="IN-KA",
            applies_to=frozenset({LineKind.FEE, LineKind.ADD_ON}),
        ),
    )
    assert agreed.settlement_type is SettlementType.WEEKLY
    assert agreed.billing_period is BillingPeriod.DAILY


def test_a_utilitys_tariff_file_stands_beside_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text(TARIFF)
    (tmp_path / "shop.yaml").write_text(TEXT.replace(PRICE, f"{PRICE}    tariffs: [grid.yaml]\n"))
    agreed = load_catalogue(tmp_path / "shop.yaml").offers[0].terms
    own, carried, fed_in = agreed.all_wheeling
    assert (own.amount, own.basis) == (Money.of("2.50", USD), WheelingBasis.FIXED_PER_CYCLE)
    assert carried.basis is WheelingBasis.PER_KWH
    assert (carried.utility_name, carried.description) == ("Valley Grid Services", "low voltage, north")
    assert carried.price == Price(per_kwh=Decimal("0.0125"), currency=USD)
    assert fed_in.basis is WheelingBasis.FIXED_PER_CONTRACT
    assert (fed_in.side, fed_in.collected_by) == (Side.SELLER, Collector.RETAILER)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("currency: USD", "currency: INR", "shop.yaml, .*: offers.0: wheeling is in INR, the energy in USD"),
        ("per_kwh: 0.0125", "per_kwh: 0.01250001", "grid.yaml: charges.0: .*at most 6 decimals"),
        ("per_kwh: 0.0125", "{}", "grid.yaml is no YAML|charges.0: .*either an amount or per_kwh"),
        ("per_kwh: 0.0125", "per_kwh: -1", "grid.yaml: charges.0.per_kwh: .*at least 0"),
        ("amount: 1,", "amount: 1.005,", "grid.yaml: charges.1: .*more than 2 decimals"),
        ("FIXED_PER_CONTRACT", "PER_KWH", "grid.yaml: charges.1: the basis PER_KWH does not go"),
        ("side: SELLER", "side: NOBODY", "grid.yaml: charges.1.side"),
        ("zone: low voltage, north\n", "", "grid.yaml: zone: zone is missing"),
    ],
)
def test_a_tariff_that_cannot_be_charged_is_refused_with_its_file_and_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in TARIFF
    (tmp_path / "grid.yaml").write_text(TARIFF.replace(old, new))
    (tmp_path / "shop.yaml").write_text(TEXT.replace(PRICE, f"{PRICE}    tariffs: [grid.yaml]\n"))
    with pytest.raises(CatalogueInvalid, match=message):
        load_catalogue(tmp_path / "shop.yaml")


def test_the_example_that_is_explained_can_be_sold_from() -> None:
    shop = load_catalogue(EXAMPLE)
    by_the_hour, flat, fixed = (offer.terms for offer in shop.offers)
    assert by_the_hour.rates is not None
    assert len(by_the_hour.all_wheeling) == 4
    assert (flat.pricing_model, fixed.pricing_model) == (PricingModel.SUBSCRIPTION, PricingModel.FIXED)


def test_a_tariff_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(TEXT.replace(PRICE, f"{PRICE}    tariffs: [none.yaml]\n"))
    with pytest.raises(CatalogueInvalid, match=r"the tariff .*none.yaml cannot be read"):
        load_catalogue(tmp_path / "shop.yaml")


@pytest.mark.parametrize(
    ("offer", "message"),
    [
        (
            "    pricing_model: TIME_OF_DAY\n    time_of_day: [{start: 09:00, end: 17:00, rate: 1}]\n",
            "offers.0: at 00:00 no time_of_day rate holds",
        ),
        (
            f"{PRICE}    pricing_model: TIME_OF_DAY\n    time_of_day:\n"
            "      - {start: 22:00, end: 06:00, rate: 1}\n      - {start: 05:45, end: 07:00, rate: 2}\n",
            "offers.0: the hours 22:00-06:00 and 05:45-07:00 overlap",
        ),
        (
            f"{HOURS}    time_of_day: [{{start: 09:10, end: 17:00, rate: 1}}]\n",
            "offers.0: 09:10:00 lies within a metering interval: intervals last 15 minutes",
        ),
        (
            f"{PRICE}    pricing_model: TIME_OF_DAY\n    metering_minutes: 60\n"
            "    time_of_day: [{start: 09:30, end: 17:00, rate: 1}]\n",
            "intervals last 60 minutes",
        ),
        (
            f"{PRICE}    pricing_model: TIME_OF_DAY\n    metering_minutes: 25\n"
            "    time_of_day: [{start: 09:00, end: 17:00, rate: 1}]\n",
            "divide an hour",
        ),
        (
            f"{HOURS}    time_of_day: [{{start: '9', end: 17:00, rate: 1}}]\n",
            "offers.0.time_of_day.0.start",
        ),
        (f"{PRICE}    pricing_model: TIME_OF_DAY\n", "offers.0: rates go with TIME_OF_DAY"),
        (f"{PRICE}    pricing_model: TIME_OF_DAY\n    time_of_day: []\n", "a rate for some hours at least"),
        (f"{PRICE}    time_of_day: [{{start: 09:00, end: 17:00, rate: 1}}]\n", "rates go with TIME_OF_DAY"),
        (f"{PRICE}    pricing_model: FIXED\n    fixed_price: 1\n", "a kWh costs nothing beside it"),
        (f"{PRICE}    discount: {{title: A, percent: 1, amount: 1}}\n", "either a percent or an amount"),
        (f"{PRICE}    fees: [{{title: A}}]\n", "offers.0.fees.0: a charge has one of amount, per_kwh"),
        (f"{PRICE}    fees: [{{title: A, amount: 1, percent: 1}}]\n", "a charge has one of"),
        (f"{PRICE}    fees: [{{title: A, amount: 1, every: DAILY}}]\n", "only an add-on"),
        (f"{PRICE}    add_ons: [{{title: A, percent: 1}}]\n", "no per cent: A"),
        (
            f"{PRICE}    taxes: [{{title: A, percent: 1, jurisdiction: X, applies_to: [TAX]}}]\n",
            "never on taxes",
        ),
        (f"{PRICE}    settlement_type: YEARLY\n", "offers.0.settlement_type"),
    ],
)
def test_terms_that_cannot_be_billed_are_refused_with_place_and_reason(offer: str, message: str) -> None:
    with pytest.raises(CatalogueInvalid, match=message):
        terms(offer, price="")


def test_a_foreign_wheeling_quote_is_refused() -> None:
    """The published order is in dollars, and its utility asks for rupees."""
    text = TEXT.replace("      amount: 2.50", "      amount: 2.50\n      currency: INR")
    with pytest.raises(CatalogueInvalid, match="wheeling is in INR, the energy in USD: a contract has one"):
        read_catalogue(text, name="shop.yaml")
