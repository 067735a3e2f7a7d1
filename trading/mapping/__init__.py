"""The domain model from and to each generation of the wire: one folder a generation.

Pure: dictionaries in, domain objects out, and back. Numbers are int or Decimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trading.mapping import v1_1, v2_lts, v2_rc
from trading.mapping.wire import Wire

WIRES: Final[Mapping[str, Wire]] = {"v1_1": v1_1, "v2_rc": v2_rc, "v2_lts": v2_lts}
"""Every generation, by the name of its profile."""


def wire_of(profile: str) -> Wire:
    """Return how messages of a profile are read and written. Raises: KeyError."""
    return WIRES[profile]
