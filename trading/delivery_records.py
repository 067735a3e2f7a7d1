"""What a contract has of a meter, how its sides are compared, what shortfalls and cancelling cost, as kept.

Plain JSON. What is as it was before there were such terms is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from kernel.currency import Currency
from kernel.money import Money
from trading.cancellation_terms import CancellationTerm
from trading.matching import NO_LOSSES, Billed, Losses, Matching
from trading.penalties import Counted, Payee, ShortfallPenalty, Tolerance
from trading.rates import METERING_GRID, Price
from trading.terms import Terms
from trading.wheeling import Side

Record = dict[str, Any]
_MINUTE: Final = timedelta(minutes=1)


def delivery_to_record(terms: Terms) -> Record:
    """Return matching, metering interval, losses, penalties, cancellation and share; None of what is not."""
    losses = terms.losses
    return {
        "matching": None if terms.matching is Matching.WINDOW else terms.matching.value,
        "metering_minutes": None if terms.metering == METERING_GRID else terms.metering // _MINUTE,
        "losses": None
        if losses == NO_LOSSES
        else {"factor": str(losses.factor), "billed": losses.billed.value},
        "penalties": [_penalty_to(penalty) for penalty in terms.penalties] or None,
        "cancellation": [_cancellation_to(term) for term in terms.cancellation] or None,
        "share_percent": None if terms.share_percent is None else f"{terms.share_percent:f}",
    }


def metering_from_record(record: Mapping[str, Any]) -> timedelta:
    minutes = record.get("metering_minutes")
    return METERING_GRID if minutes is None else minutes * _MINUTE


def losses_from_record(losses: Mapping[str, Any] | None) -> Losses:
    """Return the losses that are kept in the terms, None where none are agreed."""
    return NO_LOSSES if losses is None else Losses(Decimal(losses["factor"]), Billed(losses["billed"]))


def share_from_record(record: Mapping[str, Any]) -> Decimal | None:
    """Return the fixed share of the source's meter that is kept in the terms, None where there is none."""
    percent = record.get("share_percent")
    return None if percent is None else Decimal(percent)


def penalty_from_record(record: Mapping[str, Any], currency: Currency) -> ShortfallPenalty:
    per_kwh, percent = record.get("per_kwh"), record.get("percent_of_price")
    return ShortfallPenalty(
        side=Side(record["side"]),
        price=None if per_kwh is None else Price(per_kwh=Decimal(per_kwh), currency=currency),
        percent_of_price=None if percent is None else Decimal(percent),
        payee=Payee(record["payee"]),
        tolerance=Tolerance(percent=Decimal(record["tolerance_percent"]), counted=Counted(record["counted"])),
    )


def cancellation_from_record(record: Mapping[str, Any], currency: Currency) -> CancellationTerm:
    minor, percent = record.get("minor"), record.get("percent")
    return CancellationTerm(
        side=Side(record["side"]),
        notice=record["notice_minutes"] * _MINUTE,
        amount=None if minor is None else Money(minor, currency),
        percent=None if percent is None else Decimal(percent),
    )


def _cancellation_to(term: CancellationTerm) -> Record:
    record: Record = {"side": term.side.value, "notice_minutes": term.notice // _MINUTE}
    if term.amount is not None:
        return record | {"minor": term.amount.minor}
    return record | {"percent": str(term.percent)}


def _penalty_to(penalty: ShortfallPenalty) -> Record:
    record: Record = {
        "side": penalty.side.value,
        "payee": penalty.payee.value,
        "tolerance_percent": str(penalty.tolerance.percent),
        "counted": penalty.tolerance.counted.value,
    }
    if penalty.price is not None:
        return record | {"per_kwh": str(penalty.price.per_kwh)}
    return record | {"percent_of_price": str(penalty.percent_of_price)}
