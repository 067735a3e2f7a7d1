"""Kinds of jobs: what is done for them, and when it is tried again or by itself.

Apart from the workers that do them, so that whoever only puts jobs need not load those.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

DoJob = Callable[[Mapping[str, str], datetime], Awaitable[None]]
"""Does a job, given its arguments and the time."""
GiveUp = Callable[[Mapping[str, str], Exception, datetime], Awaitable[None]]
"""Is told that a job failed for the last time, with what was raised."""

_SECONDS: Final = (1, 2, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """What is done for jobs of one kind, and after which waits, in whole seconds, it is tried again.

    `every` has it done by the clock, without anybody putting it: a cron expression in UTC.
    """

    name: str
    run: DoJob
    retry_after: tuple[timedelta, ...] = tuple(timedelta(seconds=seconds) for seconds in _SECONDS)
    on_given_up: GiveUp | None = None
    every: str | None = None
