"""JSON of strangers, exactly: numbers as decimals, nothing doubled, bounded in size and in depth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NoReturn

GREATEST_JSON_BYTES: Final = 1_000_000


class JsonUnreadable(ValueError):
    """Bytes are no JSON that can be taken; the text says why."""


def read_json(raw: bytes) -> Any:  # noqa: ANN401  whatever JSON holds
    """Return what `raw` holds; numbers with a fraction or an exponent are Decimals.

    Raises: JsonUnreadable.
    """
    if len(raw) > GREATEST_JSON_BYTES:
        raise JsonUnreadable(f"it has more than {GREATEST_JSON_BYTES} bytes")
    try:
        return json.loads(
            raw.decode(), parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_only_once
        )
    except RecursionError:
        raise JsonUnreadable("it is nested too deep") from None
    except (ValueError, ArithmeticError) as error:  # among them what is no UTF-8, and numbers too long
        raise JsonUnreadable(str(error)[:200]) from error


def _no_number(name: str) -> NoReturn:
    raise JsonUnreadable(f"{name} is no number")


def _only_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise JsonUnreadable("a name is there twice in one object, and nobody can say which one counts")
    return members
