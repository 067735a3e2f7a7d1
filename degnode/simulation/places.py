"""Where simulated meters can stand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class PlaceName(StrEnum):
    """The places by name."""

    DELHI = "delhi"
    BERLIN = "berlin"
    DENVER = "denver"
    NAIROBI = "nairobi"
    SYDNEY = "sydney"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A spot on the earth. Units: degrees north and east, metres above the sea."""

    name: PlaceName
    zone: str
    latitude: float
    longitude: float
    altitude: int

    @property
    def facing_the_sun(self) -> int:
        """The azimuth of a roof that faces noon. Units: degrees from north, clockwise."""
        return 180 if self.latitude >= 0 else 0


PLACES: Final = {
    place.name: place
    for place in (
        Place(name=PlaceName.DELHI, zone="Asia/Kolkata", latitude=28.61, longitude=77.21, altitude=216),
        Place(name=PlaceName.BERLIN, zone="Europe/Berlin", latitude=52.52, longitude=13.40, altitude=34),
        Place(name=PlaceName.DENVER, zone="America/Denver", latitude=39.74, longitude=-104.99, altitude=1609),
        Place(name=PlaceName.NAIROBI, zone="Africa/Nairobi", latitude=-1.29, longitude=36.82, altitude=1795),
        Place(name=PlaceName.SYDNEY, zone="Australia/Sydney", latitude=-33.87, longitude=151.21, altitude=58),
    )
}
