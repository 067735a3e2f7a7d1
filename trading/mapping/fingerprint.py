"""Telling whether an order says anything new."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import simplejson

_TIMES: Final = frozenset({"lastUpdated", "updated_at"})
"""What each generation calls the time of the last change."""


def fingerprint_order(order: Mapping[str, Any]) -> str:
    """Return a hash of all that `order` says but the time of its last change, as hex."""
    text = simplejson.dumps(_timeless(order), use_decimal=True, sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _timeless(value: Any) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, Mapping):
        return {key: _timeless(inner) for key, inner in value.items() if key not in _TIMES}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value
