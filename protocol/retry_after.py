"""The HTTP header `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_WAIT: Final = timedelta(days=1)
"""What a peer may at most ask for; it may be wrong about more."""

_SECONDS: Final = re.compile(r"[0-9]{1,9}")


def read_retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """Return how long to wait, at most `LONGEST_WAIT`; None if nothing readable is said."""
    if not value:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(timedelta(seconds=int(text)), LONGEST_WAIT)
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta()), LONGEST_WAIT)
