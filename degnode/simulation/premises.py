"""A house or a shop behind one meter: how much it uses in a year, and what stands on its roof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from degnode.simulation.dice import Dice, hex_digits
from degnode.simulation.places import Place
from degnode.simulation.standard_load import Profile

PRIVATE_ENTERPRISE: Final = "00007ED9"
"""The enterprise number that RFC 5612 keeps for examples; it ends a simulated mRID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """Solar panels. Units: W at full sun, degrees from the horizontal and from north."""

    peak_watts: int
    tilt: int
    azimuth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """A battery that takes what the roof leaves over and gives it back. Units: Wh, W."""

    capacity: int
    power: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What is behind one meter. `mrid` are 30 digits: those of a register begin with two of its own."""

    number: int
    mrid: str
    annual_kwh: int
    connection_watts: int = 17_000
    profile: Profile = Profile.HOUSEHOLD
    roof: Roof | None = None
    battery: Battery | None = None
    has_car: bool = False

    @property
    def kind(self) -> str:
        """In a few words, what it is."""
        parts = [self.profile.name.lower()]
        if self.roof:
            parts.append(f"roof {self.roof.peak_watts / 1000:g} kWp")
        if self.battery:
            parts.append(f"battery {self.battery.capacity / 1000:g} kWh")
        return ", ".join([*parts, "car"] if self.has_car else parts)


def make_premises(number: int, *, place: Place, seed: int) -> Premises:
    """Return the `number`-th premises of a place; the first has a roof, of the others every second one."""
    dice = Dice("premises", number, seed=seed)
    annual_kwh = dice.between(18, 65) * 100
    roof = Roof(
        peak_watts=dice.between(20, 99) * 100,
        tilt=dice.between(10, 40),
        azimuth=(place.facing_the_sun + dice.between(-70, 70)) % 360,
    )
    battery = Battery(capacity=dice.between(5, 13) * 1000, power=3_000)
    has_roof = dice.below(2) == 0 or number == 1
    return Premises(
        number=number,
        mrid=hex_digits(22, "mrid", number, seed=seed) + PRIVATE_ENTERPRISE,
        annual_kwh=annual_kwh,
        roof=roof if has_roof else None,
        battery=battery if dice.below(3) == 0 and has_roof else None,
        has_car=dice.below(5) == 0,
    )
