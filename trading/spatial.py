"""How a place must lie to a shape for what is there to be found (OGC CQL2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from trading.geometry import Geometry


class SpatialOperator(StrEnum):
    """How the item's geometry lies to the one that is asked for: WITHIN is the item's inside the other."""

    WITHIN = "WITHIN"
    CONTAINS = "CONTAINS"
    INTERSECTS = "INTERSECTS"
    DISJOINT = "DISJOINT"
    OVERLAPS = "OVERLAPS"
    CROSSES = "CROSSES"
    TOUCHES = "TOUCHES"
    EQUALS = "EQUALS"
    DWITHIN = "DWITHIN"


class Quantifier(StrEnum):
    """How many of an item's geometries must lie so; where it has none, only NONE holds."""

    ANY = "ANY"
    ALL = "ALL"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpatialFilter:
    """One condition on where things are.

    `targets` are JSONPaths of geometries in an item; without any it is the item's own place. `distance`
    is the reach of DWITHIN in metres. `path` is where the condition stands in its message.
    """

    operator: SpatialOperator
    geometry: Geometry
    targets: tuple[str, ...] = ()
    quantifier: Quantifier = Quantifier.ANY
    distance: Decimal | None = None
    path: str = field(default="", compare=False)
