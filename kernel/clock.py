"""Where the time comes from: the only module that reads the system's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time to whoever is handed it."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved: for tests and replays."""

    def __init__(self, start: datetime) -> None:
        self._now = utc(start)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward and return the new instant."""
        self._now += by
        return self._now

    def set(self, instant: datetime) -> None:
        self._now = utc(instant)


class NaiveInstant(ValueError):
    """An instant without a time zone was offered where only aware ones are taken."""


class InstantOutOfRange(ValueError):
    """An instant that lies beyond the calendar once it is put into UTC."""


def utc(instant: datetime) -> datetime:
    """Return `instant` in UTC.

    Raises: NaiveInstant, if it carries no time zone; InstantOutOfRange, if UTC cannot express it.
    """
    if instant.tzinfo is UTC:
        return instant
    if instant.utcoffset() is None:
        raise NaiveInstant(f"{instant.isoformat()} has no time zone; write it with an offset or Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise InstantOutOfRange(f"{instant.isoformat()} lies outside the years 1 to 9999 in UTC") from error


def parse_instant(text: str) -> datetime:
    """Return the instant written as RFC 3339 `text`, in UTC.

    Raises: ValueError, if it is no instant or has no offset.
    """
    return utc(datetime.fromisoformat(text))


def format_instant(instant: datetime) -> str:
    """Return `instant` as RFC 3339 with `Z`, to the millisecond; no fraction where there is none.

    What is finer than a millisecond is cut off.
    """
    text = utc(instant).isoformat(timespec="milliseconds" if instant.microsecond >= 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z"
