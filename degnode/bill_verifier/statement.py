"""A statement as it is read: one JSON document, whole numbers and text only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, TypeAlias

from kernel.clock import parse_instant
from kernel.errors import NodeError
from kernel.interval import Interval

Json: TypeAlias = dict[str, Any]

FORMAT: Final = "degnode-bill-statement"
VERSION: Final = 1
_LONGEST_NUMBER: Final = 40
"""Digits of a price or a per cent; keeps 1E+999999999 from being spelled out."""


class StatementUnreadable(NodeError):
    """A file that is no statement of a bill, or one of another version."""

    code, http_status, retryable = "BILL_STATEMENT_UNREADABLE", 400, False


def read_statement(text: str | bytes) -> Json:
    """Return the statement. Raises: StatementUnreadable."""
    try:
        found = json.loads(text, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise StatementUnreadable(f"this is no JSON of whole numbers and text: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise StatementUnreadable("this is no statement of a bill", path="format")
    if found.get("version") != VERSION:
        raise StatementUnreadable(
            f"version {found.get('version')!r} is not known here, only {VERSION}", path="version"
        )
    return found


def digest_of(statement: Mapping[str, Any]) -> str:
    """Return the SHA-256 over all but the digest itself: JSON with sorted keys and no spaces, in UTF-8."""
    rest = {key: value for key, value in statement.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def exact(text: str) -> Decimal:
    """Return an exact number. Raises: ValueError, if nobody could have agreed on one so long."""
    found = Decimal(text)
    if len(text) > _LONGEST_NUMBER or not found.is_finite() or abs(found.adjusted()) > _LONGEST_NUMBER:
        raise ValueError(f"{text[:_LONGEST_NUMBER]} is no price and no per cent")
    return found


def span(pair: list[str]) -> Interval:
    """Return the interval of two instants."""
    start, end = pair
    return Interval(parse_instant(start), parse_instant(end))


def written(instant: datetime) -> str:
    """Return an instant as statements write it."""
    return instant.isoformat().replace("+00:00", "Z")


def written_span(interval: Interval) -> list[str]:
    return [written(interval.start), written(interval.end)]


def _refuse(number: str) -> None:
    raise ValueError(f"{number} is no whole number")
