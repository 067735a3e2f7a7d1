"""What settlement must know of a contract, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from typing import Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.local_days import find_zone
from kernel.local_periods import Cadence, check_anchor
from trading.bands import Band
from trading.cancellation import Cancellation
from trading.charging.facts import SessionFacts
from trading.matching import Matching
from trading.periods import LONGEST_WINDOW
from trading.terms import Terms

__all__ = ["LONGEST_WINDOW", "Agreement", "AgreementInvalid", "Matching"]

QUARTER_HOUR: Final = timedelta(minutes=15)
SHORTEST_METERING_INTERVAL: Final = timedelta(minutes=1)
LONGEST_METERING_INTERVAL: Final = timedelta(hours=1)


class AgreementInvalid(ValueError):
    """An agreement that cannot be settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How much energy is to flow within `window`, under which terms, by the clock of which zone.

    `curtailed` is what was cut from `contracted`. A cut leaves what is settled before it as it is, as long
    as it leaves that much. `billing` says how often there is a bill; weeks begin on Monday and months on
    `anchor_day`, or on their last day where they are too short for it. A contract that settles in
    REAL_TIME has a cycle for each `metering_interval`, counted from the first instant of a local day.
    `is_terminated` says that the window was cut short: of a fixed price a part is due.

    Raises: AgreementInvalid; AnchorInvalid; ZoneUnknown, if `zone` is no IANA name.
    """

    contract_id: str
    window: Interval
    contracted: Energy
    terms: Terms
    zone: str
    curtailed: Energy = ZERO_ENERGY
    matching: Matching = Matching.WINDOW
    billing: Cadence = Cadence.MONTHLY
    anchor_day: int = 1
    metering_interval: timedelta = QUARTER_HOUR
    is_terminated: bool = False
    source_allocation: str | None = None
    """The rule, with its version as in FIFO/1, by which the source's export was shared out over contracts:
    what settlement is given of it is then what it left to this one. None where nothing was shared out."""
    target_allocation: str | None = None
    """The same of the target's import."""
    cancellation: Cancellation | None = None
    """By which one side owes the other something. Of one before delivery the window is the instant of it."""
    session: SessionFacts | None = None
    """How a charging session went, which is over; `contracted` is then the most that may be taken."""

    def band_of(self, interval_start: datetime) -> Band:
        """Return what has the same price as an interval of the source that starts at that instant."""
        return self.terms.band_of(interval_start, self.zone)

    @property
    def allowance(self) -> Energy | None:
        """What the fee of a calendar period includes, where that is used up in the order of time."""
        return self.terms.allowance

    @property
    def is_void(self) -> bool:
        """Whether nothing is delivered: the contract was cancelled before that."""
        return self.cancellation is not None and self.cancellation.before_delivery

    @property
    def seller_may_owe(self) -> bool:
        """Whether the last cycle may say that the seller owes something."""
        session = self.terms.session
        has_stall = session is not None and session.stall is not None
        return bool(self.terms.penalties) or self.cancellation is not None or has_stall

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
        if not SHORTEST_METERING_INTERVAL <= self.metering_interval <= LONGEST_METERING_INTERVAL:
            raise AgreementInvalid(
                f"a metering interval takes from {SHORTEST_METERING_INTERVAL} to "
                f"{LONGEST_METERING_INTERVAL}, not {self.metering_interval}"
            )
        check_anchor(self.anchor_day)
        find_zone(self.zone)
