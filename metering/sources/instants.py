"""Instants as files write them, read exactly: seconds since 1970, with an offset, or in a place's time.

A place's clock is set back once a year, and an hour of it is there twice; it is set forward once, and an
hour is not there at all. Nothing is guessed then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

_SECONDS: Final = re.compile(r"[0-9]{9,10}")
_SECOND: Final = timedelta(seconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  wall time, which has no zone


class InstantUnclear(ValueError):
    """A time cannot be read, or means two instants, or none; `code` says which."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as written: the instants it may mean, and for a place's time what its clock showed.

    Units: all in seconds since 1970, `wall` as if the clock showed UTC.
    """

    candidates: tuple[int, ...]
    wall: int | None = None


def read_moment(text: str, zone: tzinfo | None) -> Moment:
    """Return what `text` says. Raises: InstantUnclear."""
    if _SECONDS.fullmatch(text):
        return Moment((int(text),))
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InstantUnclear(
            "TIME_UNREADABLE", f"{text[:40]!r} is no time like 2026-03-14T00:15:00Z or 2026-03-14 00:15"
        ) from None
    if instant.microsecond:
        raise InstantUnclear("TIME_TOO_FINE", f"{text[:40]} has a fraction of a second")
    if instant.tzinfo is not None:
        return Moment(((instant - _EPOCH) // _SECOND,))
    if zone is None:
        raise InstantUnclear(
            "LOCAL_TIME", f"{text[:40]} has no offset: write one, or say whose time it is by --zone"
        )
    return _local(instant, zone, text)


def _local(wall: datetime, zone: tzinfo, text: str) -> Moment:
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    candidates = sorted({(each - _EPOCH) // _SECOND for each in (first, second)})
    if len(candidates) == 2 and first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise InstantUnclear(
            "TIME_ABSENT", f"{text[:40]} was never on the clock in {zone}: it was set forward over it"
        )
    return Moment(tuple(candidates), (wall - _NAIVE_EPOCH) // _SECOND)


def read_fold(text: str) -> int | None:
    """Return which of two hours alike is meant: 0 the first, 1 the second. Raises: InstantUnclear."""
    if text in ("", "0", "1"):
        return int(text) if text else None
    raise InstantUnclear("FOLD_UNREADABLE", f"{text[:40]!r} is neither 0, the first hour, nor 1, the second")


def the_instant(moment: Moment, fold: int | None) -> int:
    """Return the one instant that is meant, in seconds since 1970. Raises: InstantUnclear."""
    if len(moment.candidates) == 1:
        return moment.candidates[0]
    if fold is None:
        raise InstantUnclear(
            "TIME_AMBIGUOUS",
            "the clock showed this time twice that night: write an offset, or 0 or 1 in a column `fold`",
        )
    return moment.candidates[fold]


def the_period(start: Moment, end: Moment, fold: int | None) -> tuple[int, int]:
    """Return from when to when a period lasts, in seconds since 1970. Raises: InstantUnclear.

    Where the clock showed its start or its end twice, the period must have lasted as long as the clock
    said: else nobody knows which of the two was meant.
    """
    begins = the_instant(start, fold)
    if len(start.candidates) == len(end.candidates) == 1:
        return begins, end.candidates[0]
    if start.wall is None or end.wall is None:
        return begins, the_instant(end, fold)
    fitting = [each for each in end.candidates if each - begins == end.wall - start.wall]
    if len(fitting) != 1:
        raise InstantUnclear(
            "TIME_AMBIGUOUS", "the clock was set back within this period: write its times with their offsets"
        )
    return begins, fitting[0]
