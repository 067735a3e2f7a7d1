"""Cursors: where a list goes on, as text that only this node needs to understand."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from bap.market.problem import MarketError
from kernel.clock import parse_instant

_MOST_DIGITS: Final = 18


class CursorUnreadable(MarketError):
    """The cursor is none that this list has given out."""

    code, http_status, retryable = "MARKET_CURSOR_UNREADABLE", 422, False
    kind = "invalid-request"


def write_cursor(values: Sequence[str]) -> str:
    """Return what `read_cursor` reads back."""
    return urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *, length: int) -> list[str]:
    """Return the values of the last entry of a page. Raises: CursorUnreadable."""
    try:
        values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (Error, ValueError, RecursionError) as error:
        raise _unreadable() from error
    if not isinstance(values, list) or len(values) != length:
        raise _unreadable()
    if not all(isinstance(value, str) and value.isprintable() for value in values):
        raise _unreadable()
    return values


def read_instant(text: str) -> datetime:
    """Return an instant of a cursor. Raises: CursorUnreadable."""
    try:
        return parse_instant(text)
    except (ValueError, OverflowError) as error:
        raise _unreadable() from error


def read_number(text: str) -> Decimal:
    """Return a number of a cursor. Raises: CursorUnreadable."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise _unreadable() from error
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise _unreadable()
    return number


def _unreadable() -> CursorUnreadable:
    return CursorUnreadable(
        "that is no cursor of this list",
        path="query.cursor",
        hint="Send the `next` of the page before, with the same sorting.",
    )
