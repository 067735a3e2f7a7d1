"""Changing JSON by JSON (RFC 7396): null removes, objects are merged, everything else is replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(target: object, patch: object) -> Any:  # noqa: ANN401  any JSON
    """Return `target` as `patch` changes it; neither is touched."""
    if not isinstance(patch, Mapping):
        return patch
    known = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            known.pop(key, None)
        else:
            known[key] = merged(known.get(key), value)
    return known
