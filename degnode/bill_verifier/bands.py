"""Which price an interval has that starts at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from degnode.bill_verifier.statement import Json, exact
from kernel.clock import parse_instant
from kernel.local_days import find_zone

OTHER_HOURS: Final = "other hours"
WITHIN_FEE: Final = "within the fee"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Band:
    """Energy that is priced alike: the rate, the hours, the calendar period, the discounts that hold."""

    rate: Decimal
    label: str = ""
    period: date | None = None
    discounts: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        words = ([self.period.isoformat()] if self.period else []) + ([self.label] if self.label else [])
        return " ".join(words) or "ALL"


def band_at(terms: Json, start: datetime, zone: str) -> Band:
    """Return the band of an interval by when it starts."""
    price = exact(terms["price_per_kwh"])
    local = start.astimezone(find_zone(zone))
    period, holding = None, percentages_at(terms, start)
    if "subscription" in terms:  # its discounts hold by when delivery begins, not by the interval
        period, holding = calendar_period(local.date(), terms["subscription"]["every"])[0], ()
    if "rates" in terms:
        for hours in terms["rates"]["hours"]:
            if holds_at(hours, local.time()):
                return Band(exact(hours["rate"]), label=label_of(hours), period=period, discounts=holding)
        return Band(price, label=OTHER_HOURS, period=period, discounts=holding)
    if "by_interval" in terms:
        prices = terms["by_interval"]
        passed = start - parse_instant(prices["start"])
        number = passed // timedelta(microseconds=prices["step_us"])
        if 0 <= number < len(prices["prices"]):
            price = exact(prices["prices"][number])
    return Band(price, period=period, discounts=holding)


def included_in_time(terms: Json) -> int | None:
    """Return the Wh that a period's fee includes, first come first; None where their order is no matter."""
    is_timed = "rates" in terms or "by_interval" in terms
    return terms["subscription"]["included_wh"] if is_timed and "subscription" in terms else None


def percentages(terms: Json) -> list[Json]:
    """Return the discounts in per cent, in the order in which bands name them."""
    offer = [terms["discount"]] if terms["discount"] else []
    return offer + [each for each in terms.get("promotions", ()) if "percent" in each]


def percentages_at(terms: Json, instant: datetime) -> tuple[int, ...]:
    return tuple(at for at, each in enumerate(percentages(terms)) if is_valid(each, instant))


def is_valid(promotion: Json, instant: datetime) -> bool:
    """Say whether a promotion holds at an instant; one without bounds always does."""
    if "from" not in promotion:
        return True
    return parse_instant(promotion["from"]) <= instant < parse_instant(promotion["until"])


def holds_at(hours: Json, moment: time) -> bool:
    """Say whether a moment of the local clock lies within hours that may pass midnight."""
    start, end = time.fromisoformat(hours["start"]), time.fromisoformat(hours["end"])
    return start <= moment < end if start < end else moment >= start or moment < end


def label_of(hours: Json) -> str:
    return f"{hours['start'][:5]}-{hours['end'][:5]}"


def has_gap(hours: Sequence[Json]) -> bool:
    """Say whether some moment of the day is in none of the hours."""
    ends = [time(), *(time.fromisoformat(each["end"]) for each in hours)]
    return any(not any(holds_at(each, moment) for each in hours) for moment in ends)


def calendar_period(day: date, every: str) -> tuple[date, date]:
    """Return the first day of the day's calendar period, and that of the next."""
    if every == "DAILY":
        return day, day + _DAY
    if every == "WEEKLY":
        monday = day - day.weekday() * _DAY
        return monday, monday + 7 * _DAY
    first = day.replace(day=1)
    return first, (first + 31 * _DAY).replace(day=1)
