"""What is traded in the demo: where it is noon now, what the sun brings, who buys how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml

from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.interval import Interval

SOURCE_METER: Final = "100200300"
TARGET_METER: Final = "98765456"
CONTRACTED: Final = Energy(10_000)
PRICE_PER_KWH: Final = Decimal("0.15")
WHEELING: Final = Decimal("2.50")
CURRENCY: Final = "USD"
INTERVAL_LENGTH: Final = timedelta(seconds=4)
INTERVALS: Final = 4

_ZONES: Final = (
    "Pacific/Auckland",
    "Australia/Perth",
    "Asia/Kolkata",
    "Africa/Nairobi",
    "Europe/Lisbon",
    "America/Sao_Paulo",
    "America/Denver",
    "Pacific/Honolulu",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One run of the demo: its market's zone, when the roof produces, and when the traded energy flows."""

    zone: str
    production: Interval
    window: Interval

    def beginning(self, instant: datetime) -> Scenario:
        """Return the scenario with the same production and a window from `instant` on, on a whole second."""
        return replace(self, window=_window(instant))

    @property
    def intervals(self) -> Sequence[Interval]:
        """The metering intervals of the window."""
        starts = (self.window.start + number * INTERVAL_LENGTH for number in range(INTERVALS))
        return [Interval(start, start + INTERVAL_LENGTH) for start in starts]

    def write_catalogue(self, path: Path) -> None:
        """Write the producer's catalogue as the BPP reads it."""
        path.write_text(yaml.safe_dump(self._catalogue(), sort_keys=False, allow_unicode=True))

    def _catalogue(self) -> dict[str, Any]:
        return {
            "id": "sunny-roofs",
            "name": "Sunny Roofs, solar energy from the neighbourhood",
            "providers": [
                {
                    "id": "mill-lane-rooftop",
                    "name": "The rooftop in Mill Lane",
                    "support": {
                        "name": "Mill Lane help",
                        "email": "help@mill-lane.example",
                        "hours": "every day 08:00–20:00",
                    },
                }
            ],
            "resources": [
                {
                    "id": "mill-lane-noon",
                    "provider": "mill-lane-rooftop",
                    "name": "Solar energy around noon",
                    "source_type": "SOLAR",
                    "delivery_mode": "GRID_INJECTION",
                    "meter": SOURCE_METER,
                    "inverter": "inverter-7",
                    "available_kwh": "30.5",
                    "production": {
                        "start": format_instant(self.production.start),
                        "end": format_instant(self.production.end),
                    },
                }
            ],
            "offers": [
                {
                    "id": "noon-by-the-kwh",
                    "resource": "mill-lane-noon",
                    "name": "Noon sun, by the kilowatt-hour",
                    "price_per_kwh": str(PRICE_PER_KWH),
                    "currency": CURRENCY,
                    "wheeling": {
                        "utility": "Valley Grid",
                        "amount": str(WHEELING),
                        "description": "Use of the town's grid, a day",
                    },
                    "minimum_kwh": "1",
                    "maximum_kwh": "20",
                    "zone": self.zone,
                }
            ],
        }


def zone_at_noon(now: datetime) -> str:
    """Return the zone, of a few around the world, where the local time is nearest to noon."""

    def hours_from_noon(zone: str) -> float:
        local = now.astimezone(ZoneInfo(zone))
        return abs(local.hour + local.minute / 60 - 12)

    return min(_ZONES, key=hours_from_noon)


def make_scenario(now: datetime, *, lead: timedelta, spare: timedelta = timedelta(0)) -> Scenario:
    """Return a scenario whose window starts `lead` from now; the roof goes on for `spare` after it."""
    window = _window(now + lead)
    production = Interval(window.start, window.end + spare)
    return Scenario(zone=zone_at_noon(now), production=production, window=window)


def _window(instant: datetime) -> Interval:
    start = instant.replace(microsecond=0)
    return Interval(start, start + INTERVALS * INTERVAL_LENGTH)
