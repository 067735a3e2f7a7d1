"""Where something is, for people and for maps."""

from __future__ import annotations

from dataclasses import dataclass

from trading.geometry import Geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; `country` is its name or its ISO 3166 code."""

    street: str | None = None
    locality: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A spot, a line or an area on the map, with its address if it has one."""

    geometry: Geometry
    address: Address | None = None
