"""Where a search looks: the place that its context names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry_client.subscriber import Place

_FLAT: Final = ("country", "city")  # codes right in the context, as before 1.0


def place_of(context: Mapping[str, Any]) -> Place | None:
    """Return the place that `context` names, None for everywhere."""
    named = Place.from_wire(context.get("location"))
    return named or Place.from_wire({name: {"code": context.get(name)} for name in _FLAT})
