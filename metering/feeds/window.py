"""From when on a register is read at a poll. Pure.

Every poll looks a little before the newest reading that is known; now and then it looks further back,
for corrections; and where a notification spoke of something older, from there on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from metering.feeds.feed_file import Feed
from metering.sep.resources import ServedSet

_LONGEST_SET: Final = 400 * 86_400  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a register was read. Units: seconds since 1970 UTC, and seconds."""

    newest_reading: int | None = None
    longest_set: int = 0
    looked_back_at: datetime | None = None
    look_from: int | None = None
    hinted_at: datetime | None = None

    def after(self, served: ServedSet, *, newest: int | None) -> Position:
        """Return the position once all of a set was read, whose newest reading started at `newest`."""
        known = [start for start in (self.newest_reading, newest) if start is not None]
        length = min(served.time_period.duration, _LONGEST_SET) if served.time_period else 0
        return replace(
            self, newest_reading=max(known, default=None), longest_set=max(self.longest_set, length)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a poll reads: everything, or what ends after `since`. Units: seconds since 1970 UTC."""

    since: int | None
    sets_after: int | None
    """What is asked of the list of sets: those that start later (`a`)."""
    is_look_back: bool

    def holds(self, served: ServedSet) -> bool:
        """Say whether a set may have readings of the window."""
        period = served.time_period
        if self.since is None or period is None or period.duration == 0:
            return True
        return period.start + period.duration > self.since

    def readings_after(self, served: ServedSet) -> int | None:
        """Return what is asked of a set's readings (`a`): nothing where all of the set is in the window.

        A whole set's page stays the same from poll to poll, and is known again.
        """
        period = served.time_period
        if self.since is None or (period is not None and period.duration and period.start >= self.since):
            return None
        return max(self.since, 0)


def window_of(position: Position, feed: Feed, *, now: datetime) -> Window:
    """Return what is to be read of a register now."""
    if position.newest_reading is None:
        return Window(since=None, sets_after=None, is_look_back=True)
    last = position.looked_back_at
    is_look_back = last is None or now - last >= feed.look_back_every
    since = position.newest_reading - _seconds(feed.look_back if is_look_back else feed.overlap)
    if position.look_from is not None:
        since = min(since, position.look_from - 1)
    return Window(since=since, sets_after=max(since - position.longest_set - 1, 0), is_look_back=is_look_back)


def _seconds(length: timedelta) -> int:
    return length // timedelta(seconds=1)
