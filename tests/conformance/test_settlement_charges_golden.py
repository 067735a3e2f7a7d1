"""Every published figure of a price, exactly; and the published errors, caught."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import simplejson

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import CurrencyMismatch, Money, round_to_minor
from settlement.charges.cycle import CycleFacts, charge_cycle
from settlement.lines import gather, items_of, taxes_on
from tests.support.seller_world import WINDOW
from trading.bands import Band
from trading.charges import AmountOff, Charge, LineKind, Percent, Tax
from trading.mapping.bags.contract import read_contract_terms
from trading.mapping.v1_1.price import read_quote as read_v1_1_quote
from trading.mapping.v2_lts.flows import read_quote as read_lts_quote
from trading.mapping.v2_rc.order_report import read_quote as read_rc_quote
from trading.quote import quote_energy
from trading.rates import IntervalPrices, Price
from trading.terms import Terms
from trading.wheeling import Wheeling

Json = dict[str, Any]
START = datetime(2026, 1, 9, 10, tzinfo=UTC)
INR = Currency("INR")


@pytest.fixture
def published(shared: Path) -> dict[str, Json]:
    examples = simplejson.loads((shared / "golden" / "billing.json").read_text(), use_decimal=True)
    return {example["name"]: example for example in examples}


def facts(to_date: dict[Band, Energy], *, contracted: Energy) -> CycleFacts:
    """Return the facts of a contract that is one cycle long."""
    return CycleFacts(
        window=WINDOW,
        zone="UTC",
        period=WINDOW,
        before={},
        to_date=to_date,
        is_first=True,
        is_last=True,
        contracted=contracted,
    )


def test_the_published_trade_is_quoted_and_charged_as_published(published: dict[str, Json]) -> None:
    trade = published["P2P quote and settlement cycle"]
    currency, quantity = Currency(trade["currency"]), Energy.from_kwh(trade["quantity_kwh"])
    terms = Terms(
        price=Price(per_kwh=Decimal(trade["price_per_kwh"]), currency=currency),
        wheeling=Wheeling(utility_name="Grid", amount=Money.of(trade["wheeling"], currency)),
    )
    assert terms.settlement_type == trade["settlementType"]
    quote = quote_energy(quantity, terms, window=WINDOW, zone="UTC")
    assert [part.amount for part in quote.components] == [
        Money.of(trade[key], currency) for key in ("energy_cost", "wheeling")
    ]
    band = terms.band_of(WINDOW.start, "UTC")
    charged = charge_cycle(terms, facts({band: quantity}, contracted=quantity))
    cycle = trade["settlement_cycle"]
    assert quote.total == charged.total == Money.of(trade["total"], currency)
    assert charged.total.amount == cycle["amount"]


def test_the_published_monthly_bill_has_the_published_lines(published: dict[str, Json]) -> None:
    """Energy 100.00, wheeling 2.50, taxes 47.50: nobody says at what rate, so it is one that fits."""
    bill = published["monthly bill of the EnergyTradeContract example"]
    energy, wheeling, taxes = (item["amount"] for item in bill["lineItems"])
    currency = Currency(bill["currency"])
    terms = Terms(
        price=Price(per_kwh=Decimal("0.10"), currency=currency),
        wheeling=Wheeling(utility_name="Grid", amount=Money.of(wheeling, currency)),
        taxes=(
            Tax(
                title="Taxes",
                percent=taxes,
                jurisdiction="US",
                applies_to=frozenset({LineKind.ENERGY}),
            ),
        ),
    )
    quantity = Energy(1_000_000)
    cycle = charge_cycle(terms, facts({terms.band_of(START, "UTC"): quantity}, contracted=quantity))
    lines = gather(items_of(cycle))
    [tax] = taxes_on(lines, terms)
    assert [line.amount.amount for line in lines] == [energy, wheeling]
    assert [line.title for line in lines] == [item["title"] for item in bill["lineItems"][:2]]
    assert tax.amount.amount == taxes
    assert (cycle.total + tax.amount).amount == bill["totalAmount"]


def test_the_published_charging_session_is_quoted_part_by_part(published: dict[str, Json]) -> None:
    session = published["EV charging quote"]
    fees = [amount for kind, amount in session["components"] if kind == "FEE"]
    parts = dict(session["components"])
    terms = Terms(
        price=Price(per_kwh=Decimal(session["price_per_kwh"]), currency=INR),
        promotions=(AmountOff(title="Offer", amount=Money.of(parts["DISCOUNT"].lstrip("-"), INR)),),
        charges=(
            Charge(kind=LineKind.SURCHARGE, title="Surge", value=Money.of(parts["SURCHARGE"], INR)),
            *(Charge(kind=LineKind.FEE, title="Fee", value=Money.of(amount, INR)) for amount in fees),
        ),
    )
    quote = quote_energy(Energy.from_kwh(session["quantity_kwh"]), terms, window=WINDOW, zone="UTC")
    assert [[part.type.value, part.amount] for part in quote.components] == [
        [kind, Money.of(amount, INR)] for kind, amount in session["components"]
    ]
    assert quote.total == Money.of(session["total"], INR)


def test_the_published_session_with_a_ledger_comes_to_what_the_driver_pays(
    published: dict[str, Json],
) -> None:
    session = published["EV session with stall ledger (LTS third generation)"]
    parts = [Fraction(amount) for amount in session["components"].values()]
    paid = round_to_minor(-sum(parts, Fraction(0)), Currency(session["currency"]))
    assert paid == Money.of(session["driver"], Currency(session["currency"]))


def interval_terms(intervals: list[list[str]]) -> tuple[Terms, dict[Band, Energy]]:
    """Return terms that price two hours each by itself, with what was settled in them."""
    prices = tuple(Decimal(price) for _, price in intervals)
    terms = Terms(
        price=Price(per_kwh=Decimal(0), currency=INR),
        by_interval=IntervalPrices(start=WINDOW.start, step=timedelta(hours=1), prices=prices),
        charges=(
            Charge(kind=LineKind.FEE, title="Seller's platform", value=Percent(of_energy=Decimal(3))),
            Charge(kind=LineKind.FEE, title="Buyer's platform", value=Percent(of_energy=Decimal(2))),
        ),
    )
    settled = {
        terms.band_of(WINDOW.start + number * timedelta(hours=1), "UTC"): Energy.from_kwh(quantity)
        for number, (quantity, _) in enumerate(intervals)
    }
    return terms, settled


def test_the_published_intervals_cost_437_15_and_459_00_with_both_fees(published: dict[str, Json]) -> None:
    flow = published["LTS revenue flow nets to zero"]
    terms, settled = interval_terms(flow["intervals"])
    charged = charge_cycle(terms, facts(settled, contracted=Energy(32_700)))
    assert [str(line.net.amount) for line in charged.lines] == [flow["value"], "13.11", "8.74"]
    assert charged.total == Money.of("459.00", INR)
    assert charged.lines[0].quantity == Energy(32_700)


LINES: list[Json] = [
    {"title": "Energy Cost", "amount": Decimal("97.5"), "currency": "USD"},
    {"title": "Wheeling Charges", "amount": Decimal("2.5"), "currency": "USD"},
]


def contract_bag(total: str, lines: list[Json]) -> Json:
    """Return a contract with one bill, as the published README writes it."""
    bill = {
        "cycleId": "bill-2024-10-001",
        "startTime": "2024-10-01T00:00:00Z",
        "endTime": "2024-10-31T23:59:59Z",
        "status": "PENDING",
        "totalAmount": Decimal(total),
        "currency": "USD",
        "lineItems": lines,
    }
    return {
        "contractStatus": "ACTIVE",
        "targetMeterId": "98765456",
        "contractedQuantity": Decimal(10),
        "tradeStartTime": "2024-10-04T10:00:00Z",
        "tradeEndTime": "2024-10-04T18:00:00Z",
        "billingCycles": [bill],
    }


def test_a_bill_whose_lines_come_to_100_and_whose_total_is_150_is_refused() -> None:
    """The published README says so of a bill, beside the words "sum of all line items"."""
    with pytest.raises(
        ValueError, match=r"the lines of bill-2024-10-001 add up to 100.00 USD, not to 150.00"
    ):
        read_contract_terms(contract_bag("150.0", LINES))
    assert read_contract_terms(contract_bag("100.0", LINES))["bills"][0].total.minor == 10_000


def rc_value(value: str, *parts: tuple[str, str, str]) -> Json:
    return {
        "value": Decimal(value),
        "currency": "USD",
        "components": [
            {"type": kind, "value": Decimal(amount), "currency": currency, "description": kind}
            for kind, amount, currency in parts
        ],
    }


def test_a_price_of_1_5_beside_a_breakup_of_1_5_and_2_5_is_refused() -> None:
    """The published quote says 1.5 "per kWh", and breaks it up into 1.5 for energy and 2.5 for wheeling."""
    parts = (("UNIT", "1.5", "USD"), ("FEE", "2.5", "USD"))
    with pytest.raises(ValueError, match=r"add up to 4.00 USD, not to 1.50 USD"):
        read_rc_quote(rc_value("1.5", *parts), Energy(10_000))
    assert str(read_rc_quote(rc_value("4.0", *parts), Energy(10_000)).total) == "4.00 USD"


def test_the_same_is_refused_in_v1_1_and_lts() -> None:
    breakup = [
        {"item": {"descriptor": {"name": code, "code": code}}, "price": {"currency": "USD", "value": value}}
        for code, value in (("UNIT", "1.5"), ("FEE", "2.5"))
    ]
    with pytest.raises(ValueError, match=r"not to 1\.50 USD"):
        read_v1_1_quote({"price": {"currency": "USD", "value": "1.5"}, "breakup": breakup}, Energy(1))
    flows = [
        {"role": role, "value": Decimal(value), "currency": "USD", "description": role}
        for role, value in (("buyer", "-1.5"), ("seller", "1.5"), ("utility", "2.5"))
    ]
    contract = {"consideration": [{"id": "quote", "considerationAttributes": {"revenueFlows": flows}}]}
    with pytest.raises(ValueError, match="do not add up to nothing"):
        read_lts_quote(contract, Energy(1))


def test_wheeling_of_2_5_rupees_in_an_order_in_dollars_is_refused() -> None:
    """The published utility answers an order in USD with a charge in INR."""
    parts = (("UNIT", "1.5", "USD"), ("FEE", "2.5", "INR"))
    with pytest.raises(CurrencyMismatch, match="cannot be added"):
        read_rc_quote(rc_value("4.0", *parts), Energy(10_000))
    usd = Currency("USD")
    with pytest.raises(CurrencyMismatch, match="wheeling is in INR, the energy in USD"):
        Terms(
            price=Price(per_kwh=Decimal("0.15"), currency=usd),
            wheeling=Wheeling(utility_name="Grid", amount=Money.of("2.5", INR)),
        )
