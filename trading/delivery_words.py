"""Terms of delivery in words, for those whom no field of the protocol tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Final

from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY
from kernel.interval import Interval
from trading.cancellation_terms import CancellationTerm
from trading.charges import Subscription
from trading.charging.words import describe_session
from trading.matching import NO_LOSSES, Billed, Matching
from trading.penalties import Counted, ShortfallPenalty
from trading.periods import BillingPeriod
from trading.terms import PaymentTiming, Terms
from trading.wheeling import Side

_MINUTE: Final = timedelta(minutes=1)
_PAID: Final = {PaymentTiming.POSTPAID: "after delivery", PaymentTiming.PREPAID: "ahead"}
_CALLED: Final = {
    BillingPeriod.DAILY: "day",
    BillingPeriod.WEEKLY: "week",
    BillingPeriod.MONTHLY: "month",
}


def describe_delivery(
    terms: Terms, *, payments: tuple[PaymentTiming, ...] = (), within: Interval | None = None
) -> str:
    """Return a sentence for each term that an offer has, nothing for one without any.

    `payments` are the ways of paying that a buyer may choose from; what is sold is delivered `within` a time.
    """
    return " ".join([*_within(within), *_sentences(terms), *_payment(payments or (terms.payment,))])


def _within(delivery: Interval | None) -> Iterator[str]:
    if delivery is not None:
        yield f"Delivered from {format_instant(delivery.start)} until {format_instant(delivery.end)}."


def _sentences(terms: Terms) -> Iterator[str]:
    if terms.share_percent is not None:
        yield (
            f"The buyer has {_plain(terms.share_percent)} % of what the seller's meter exports in each "
            "interval, whatever others buy; what it does not use is not made up for."
        )
    if terms.subscription is not None and terms.allowance is not None:
        yield _allowance(terms.subscription)
    if terms.matching is Matching.INTERVAL:
        yield "Delivered is the lesser of both meters in each interval by itself."
    if terms.losses != NO_LOSSES:
        billed = "what arrives" if terms.losses.billed is Billed.ARRIVED else "what is sent for it"
        yield f"{_plain(terms.losses.factor * 100)} % of what is sent is lost; billed is {billed}."
    for penalty in terms.penalties:
        yield _penalty(penalty)
    if terms.session is not None:
        yield from describe_session(terms.session)
    for term in terms.cancellation:
        yield _cancellation(term)


def _payment(payments: tuple[PaymentTiming, ...]) -> Iterator[str]:
    if len(payments) > 1:
        usual = _PAID[payments[0]]
        others = " or ".join(_PAID[payment] for payment in payments[1:])
        yield f"It is paid {usual}, or {others} if the buyer asks for that."
    if PaymentTiming.PREPAID in payments:
        when = "It is" if len(payments) == 1 else "If it is"
        mark = ":" if len(payments) == 1 else ","
        aside = "set aside from the buyer's deposit at confirm"
        yield f"{when} paid ahead{mark} what all of it costs is {aside}."


def _allowance(subscription: Subscription) -> str:
    """Say what a fee includes where what is beyond it has the price of its time."""
    if subscription.included == ZERO_ENERGY:
        return "The fee includes no energy."
    return (
        f"The fee includes the first {subscription.included} of each {_CALLED[subscription.every]}; what "
        "flows then costs the price of its time."
    )


def _penalty(penalty: ShortfallPenalty) -> str:
    who, what = ("buyer", "take") if penalty.side is Side.BUYER else ("seller", "give")
    if penalty.price is not None:
        amount = f"{_plain(penalty.price.per_kwh)} {penalty.price.currency.code}"
    else:
        amount = f"{_plain(penalty.percent_of_price or Decimal(0))} % of the price"
    tolerance = penalty.tolerance
    counted = "the whole shortfall" if tolerance.counted is Counted.WHOLE else "what exceeds it"
    return (
        f"The {who} owes {amount} for each contracted kWh that it does not {what}: beyond a tolerance of "
        f"{_plain(tolerance.percent)} %, {counted} counts."
    )


def _cancellation(term: CancellationTerm) -> str:
    who = "buyer" if term.side is Side.BUYER else "seller"
    if term.amount is not None:
        owed = str(term.amount)
    else:
        owed = f"{_plain(term.percent or Decimal(0))} % of the order's value"
    minutes = term.notice // _MINUTE
    until = f"until {minutes} minutes before delivery begins" if minutes else "until delivery begins"
    return f"The {who} can cancel freely {until}; later it owes the other side {owed}."


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
