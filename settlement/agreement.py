"""What settlement must know of a contract, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, timedelta
from typing import Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.local_days import find_zone
from trading.terms import Terms

LONGEST_WINDOW: Final = timedelta(days=3660)
"""Ten years and a little: a window that ends in the year 9999 would be millions of cycles."""


class AgreementInvalid(ValueError):
    """An agreement that cannot be settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How much energy is to flow within `window`, under which terms, by the days of which zone.

    `curtailed` is what was cut from `contracted`. A cut leaves what is settled before it as it is, as long
    as it leaves that much.

    Raises: AgreementInvalid; ZoneUnknown, if `zone` is no IANA name.
    """

    contract_id: str
    window: Interval
    contracted: Energy
    terms: Terms
    zone: str
    curtailed: Energy = ZERO_ENERGY

    @property
    def deliverable(self) -> Energy:
        """The most that is delivered and billed: what was contracted, less what was cut."""
        return self.contracted - self.curtailed

    def __post_init__(self) -> None:
        if self.contracted < ZERO_ENERGY:
            raise AgreementInvalid(f"the contracted energy is not negative: {self.contracted}")
        if not ZERO_ENERGY <= self.curtailed <= self.contracted:
            raise AgreementInvalid(f"{self.curtailed} cannot be cut from {self.contracted}")
        if self.window.duration > LONGEST_WINDOW:
            raise AgreementInvalid(
                f"a contract runs for {LONGEST_WINDOW.days} days at most, not {self.window.duration.days}"
            )
        if not MINYEAR < self.window.start.year <= self.window.end.year < MAXYEAR:
            raise AgreementInvalid(f"no calendar has every local day of {self.window}")
        find_zone(self.zone)
