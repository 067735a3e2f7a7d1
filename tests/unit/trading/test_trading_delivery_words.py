"""What buyers are told of terms that the protocol has no field for."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from decimal import Decimal

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.charges import Subscription
from trading.delivery_words import describe_delivery
from trading.matching import Billed, Losses, Matching
from trading.penalties import Counted, ShortfallPenalty, Tolerance
from trading.periods import BillingPeriod
from trading.rates import DayRates, Price, TimeOfDayRate
from trading.terms import PaymentTiming, PricingModel, Terms
from trading.wheeling import Side

INR = Currency("INR")
PLAIN = Terms(price=Price(per_kwh=Decimal("4.50"), currency=INR))


def test_an_offer_without_such_terms_has_nothing_to_say() -> None:
    assert describe_delivery(PLAIN) == ""


def test_each_term_is_a_sentence() -> None:
    seller = ShortfallPenalty(side=Side.SELLER, price=Price(per_kwh=Decimal("2.50"), currency=INR))
    buyer = ShortfallPenalty(
        side=Side.BUYER,
        percent_of_price=Decimal(50),
        tolerance=Tolerance(percent=Decimal("7.5"), counted=Counted.EXCESS),
    )
    agreed = replace(
        PLAIN,
        matching=Matching.INTERVAL,
        losses=Losses(Decimal("0.025")),
        penalties=(seller, buyer),
    )
    assert describe_delivery(agreed) == (
        "Delivered is the lesser of both meters in each interval by itself. "
        "2.5 % of what is sent is lost; billed is what arrives. "
        "The seller owes 2.5 INR for each contracted kWh that it does not give: "
        "beyond a tolerance of 10 %, the whole shortfall counts. "
        "The buyer owes 50 % of the price for each contracted kWh that it does not take: "
        "beyond a tolerance of 7.5 %, what exceeds it counts."
    )
    sent = replace(PLAIN, losses=Losses(Decimal("0.3"), Billed.SENT))
    assert describe_delivery(sent) == "30 % of what is sent is lost; billed is what is sent for it."
    ahead = replace(PLAIN, payment=PaymentTiming.PREPAID)
    assert describe_delivery(ahead) == (
        "It is paid ahead: what all of it costs is set aside from the buyer's deposit at confirm."
    )


def test_what_a_fee_includes_is_told_where_the_order_of_time_matters() -> None:
    fee = Subscription(fee=Money.of(9, INR), every=BillingPeriod.WEEKLY, included=Energy(25_500))
    rates = DayRates(rates=(TimeOfDayRate(start=time(18), end=time(22), rate=Decimal(7)),))
    agreed = replace(PLAIN, pricing_model=PricingModel.SUBSCRIPTION, subscription=fee, rates=rates)
    assert describe_delivery(agreed) == (
        "The fee includes the first 25.5 kWh of each week; what flows then costs the price of its time."
    )
    without = replace(agreed, subscription=replace(fee, included=Energy(0)))
    assert describe_delivery(without) == "The fee includes no energy."
    assert describe_delivery(replace(agreed, rates=None)) == ""


def test_a_fixed_share_is_told_without_noughts() -> None:
    assert describe_delivery(replace(PLAIN, share_percent=Decimal("12.50"))) == (
        "The buyer has 12.5 % of what the seller's meter exports in each interval, whatever others buy; "
        "what it does not use is not made up for."
    )
