"""What one meter counted as known at an instant, and what of it is left to a contract, or its fixed share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Final, TypeAlias

from degnode.bill_verifier.statement import Json, exact, span
from kernel.clock import parse_instant
from kernel.interval import Interval

Counted: TypeAlias = list[tuple[Interval, int]]
"""Intervals in order of time, and the Wh of each."""

_CACHED: Final = 100_000
"""Instants that are read again for every run: those of some years of quarter hours."""


@dataclass(slots=True)
class _Claim:
    window: Interval
    contracted: int
    cuts: list[tuple[datetime, int]]
    taken: int = 0

    def take(self, period: Interval, left: int) -> int:
        """Take of what is left of an interval as much as the contract still lacks."""
        if period.start < self.window.start or period.end > self.window.end:
            return 0
        limits = (max(0, self.contracted - cut) for since, cut in self.cuts if since < period.end)
        took = min(left, max(0, min([self.contracted, *limits]) - self.taken))
        self.taken += took
        return took


def rules_of(terms: Json) -> dict[str, str]:
    """Return by which rule each meter has to be shared out under these terms."""
    return {"exported": "STATIC_KEY/2" if "share_percent" in terms else "FIFO/1", "imported": "FIFO/1"}


def share_of_contract(meter: Json, percent: str, *, window: Interval, at: datetime) -> Counted:
    """Return a contract's fixed share of a meter, interval by interval within its window.

    What it was given by the end of each is its share of all that was counted in the window until then.
    """
    share = Fraction(exact(percent)) / 100
    found: Counted = []
    counted = given = 0
    for period, watt_hours in _known(meter["readings"], at):
        if window.start <= period.start and period.end <= window.end:
            counted += watt_hours
            found.append((period, floor(counted * share) - given))
            given = floor(counted * share)
    return found


def left_to_contract(meter: Json, *, window: Interval, at: datetime, cuts_by: datetime) -> Counted:
    """Return what is left to the contract, interval by interval within its window.

    Readings count as they were known `at`, cuts of other contracts as they were known by `cuts_by`. Who
    was confirmed first is served first, which is the order of the statement.
    """
    claims = [_claim(claim, cuts_by) for claim in meter["claims"]]
    left: Counted = []
    for period, counted in _known(meter["readings"], at):
        rest = counted
        for claim in claims:
            rest -= claim.take(period, rest)
        if window.start <= period.start and period.end <= window.end:
            left.append((period, rest))
    return left


def cut_by(cuts: Sequence[Json], at: datetime) -> int:
    """Return what was cut in all of what was known at an instant, in Wh: the latest says it."""
    known = [cut for cut in cuts if parse_instant(cut["known_from"]) <= at]
    return max(known, key=lambda cut: parse_instant(cut["since"]))["wh"] if known else 0


def _claim(claim: Json, cuts_by: datetime) -> _Claim:
    return _Claim(
        window=span(claim["window"]),
        contracted=claim["contracted_wh"],
        cuts=[
            (parse_instant(cut["since"]), cut["wh"])
            for cut in claim["cuts"]
            if parse_instant(cut["known_from"]) <= cuts_by
        ],
    )


def _known(readings: Sequence[list[str | int | None]], at: datetime) -> Counted:
    known: Counted = []
    for start, end, watt_hours, known_from, known_until in readings:
        is_replaced = known_until is not None and _instant(str(known_until)) <= at
        if _instant(str(known_from)) <= at and not is_replaced:
            known.append((_interval(str(start), str(end)), int(watt_hours or 0)))
    return sorted(known)


@lru_cache(maxsize=_CACHED)
def _instant(text: str) -> datetime:
    return parse_instant(text)


@lru_cache(maxsize=_CACHED)
def _interval(start: str, end: str) -> Interval:
    return span([start, end])
