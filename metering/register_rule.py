"""How the stands of a register become energy: rollover, what can be, and exchanges. Pure, integers only.

A register that falls has rolled over only where its modulus is known and the energy could have flowed;
everything else that falls is in doubt, and no low stand ever becomes the new base by itself. That a
register was reset or exchanged is for an operator to say: no difference then spans that instant.
Source: IEEE 2030.5 tells no modulus, so it is registered; that less than 120 % of the capacity of a
connection can flow is the rule of the Dutch Meetcode elektriciteit, 5.3.9(c).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from metering.doubt import Doubt, Reason
from metering.quality import MANUALLY_EDITED

PERCENT_OF_SANCTIONED: Final = 120
COARSEST_STEP_WATT_HOURS: Final = 1_000
"""Many registers show whole kWh only, and move by one at a time."""
_SECONDS_PER_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class Stand:
    """What a register shows at an instant. Units: seconds since 1970 UTC, Wh."""

    at: int
    watt_hours: int
    quality: int = 0
    revision: int = 0
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a register counts from `since` on; `modulus` Wh are one turn, `watts` what is sanctioned."""

    since: int
    modulus: int | None = None
    watts: int | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A register was reset or exchanged at `at`; the stands in Wh just before and after, where known."""

    at: int
    last: int | None = None
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Rise:
    """By how many Wh a register rose; `is_sure` unless it may have made whole turns more."""

    watt_hours: int
    is_sure: bool = True


Link = tuple[Stand, Stand]


@dataclass(frozen=True, slots=True)
class RegisterRule:
    """How the registers of one meter and direction count; `terms` and `exchanges` in order of time."""

    terms: Sequence[Terms] = field(default=())
    exchanges: Sequence[Exchange] = field(default=())

    def of_parts(self) -> RegisterRule:
        """Return the rule for tiers and blocks: an exchange's stands are those of the total."""
        return replace(self, exchanges=[Exchange(exchange.at) for exchange in self.exchanges])

    def links(self, earlier: Stand | None, later: Stand | None) -> list[Link]:
        """Return the pairs of stands between which energy can be told, from one stand to the next.

        Without an exchange between them that is the two themselves. None: there is none known on that
        side. A stand at the very instant of an exchange is the first of the new register.
        """
        if not self.exchanges:
            return [] if earlier is None or later is None else [(earlier, later)]
        if earlier is not None and later is not None:
            crossed = [item for item in self.exchanges if earlier.at < item.at <= later.at]
        elif later is not None:
            crossed = [item for item in self.exchanges if item.at <= later.at][-1:]
        elif earlier is not None:
            crossed = [item for item in self.exchanges if earlier.at < item.at][:1]
        else:
            crossed = []
        befores = [earlier, *(_told(item.at, item.first) for item in crossed)]
        afters = [*(_told(item.at, item.last) for item in crossed), later]
        return [
            (one, other)
            for one, other in zip(befores, afters, strict=True)
            if one is not None and other is not None and one.at < other.at
        ]

    def rise(self, earlier: Stand, later: Stand) -> Rise | Doubt:
        """Return what flowed between two stands of one register, or why that cannot be told."""
        terms = self._terms_at(later.at)
        if terms.modulus is not None and terms.modulus <= max(earlier.watt_hours, later.watt_hours):
            return Doubt(
                Reason.BEYOND_MODULUS,
                f"a register that starts again at {terms.modulus} Wh cannot stand at "
                f"{max(earlier.watt_hours, later.watt_hours)} Wh; look at the modulus that is registered",
            )
        flowed = later.watt_hours - earlier.watt_hours
        if flowed < 0:
            if terms.modulus is None or terms.watts is None:
                return Doubt(
                    Reason.REGISTER_FELL,
                    f"the register fell from {earlier.watt_hours} to {later.watt_hours} Wh; {_FALLEN}",
                )
            flowed += terms.modulus
        return _possible(earlier, later, flowed, terms)

    def edges_near(self, at: int) -> list[int]:
        """Return the instants of the exchanges next to `at`, between which a stand there counts."""
        here = bisect_right([item.at for item in self.exchanges], at)
        return [item.at for item in self.exchanges[max(here - 1, 0) : here + 1]]

    def _terms_at(self, instant: int) -> Terms:
        here = bisect_right([item.since for item in self.terms], instant)
        return self.terms[here - 1] if here else _UNKNOWN


ANY_REGISTER: Final = RegisterRule()
"""The rule of a meter of which nothing is registered."""
_UNKNOWN: Final = Terms(since=0)
_FALLEN: Final = (
    "if it rolled over, register its modulus and what is sanctioned; if it was reset or exchanged, say "
    "when; then send it again"
)


def _told(at: int, watt_hours: int | None) -> Stand | None:
    return None if watt_hours is None else Stand(at, watt_hours, MANUALLY_EDITED)


def _possible(earlier: Stand, later: Stand, flowed: int, terms: Terms) -> Rise | Doubt:
    if terms.watts is None:
        return Rise(flowed)
    most = terms.watts * (later.at - earlier.at) * PERCENT_OF_SANCTIONED // (100 * _SECONDS_PER_HOUR)
    if flowed <= most + COARSEST_STEP_WATT_HOURS:
        return Rise(flowed, is_sure=terms.modulus is None or flowed + terms.modulus > most)
    between = f"from {earlier.watt_hours} to {later.watt_hours} Wh within {later.at - earlier.at} s"
    most_words = f"{terms.watts} W are sanctioned, which makes {most} Wh at most"
    if later.watt_hours < earlier.watt_hours:
        return Doubt(
            Reason.REGISTER_FELL, f"the register fell {between}, which is no rollover: {most_words}; {_RESET}"
        )
    return Doubt(Reason.REGISTER_LEAPT, f"the register leapt {between}: {most_words}; {_RESET}")


_RESET: Final = "if it was reset or exchanged, say when, and send it again"
