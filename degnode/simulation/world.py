"""The world: sun, clouds and standard loads of a place, and what each meter counts in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from degnode.simulation.clouds import CLEAR, light_through
from degnode.simulation.consumption import consumption
from degnode.simulation.history import History, make_history
from degnode.simulation.places import Place
from degnode.simulation.premises import Battery, Premises, Roof
from degnode.simulation.slots import SLOT_SECONDS, Slots, milliwatt_hours
from degnode.simulation.standard_load import Profile, standard_load
from degnode.simulation.sun import clear_sky_watts
from kernel.clock import format_instant
from kernel.errors import NodeError

_LONGEST_STEP: Final = 86_400
_STORED: Final = 95
"""Hundredths of the energy that survive the way into a battery, and the way out of it."""
_FOLLOWED: Final = 97
"""Hundredths of a flow that a battery's inverter catches: it is always a little behind."""


class SpanInvalid(NodeError):
    """A time to simulate is not made of whole intervals."""

    code, http_status, retryable = "SIMULATION_SPAN_INVALID", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time to simulate: the whole intervals of `step` that fit into `length`, from `start` on."""

    start: datetime
    step: timedelta
    length: timedelta

    def __post_init__(self) -> None:
        seconds = self.step.total_seconds()
        if not 0 < seconds <= _LONGEST_STEP or seconds % SLOT_SECONDS:
            raise SpanInvalid(
                f"an interval of {self.step} is not made of five minutes, or longer than a day",
                hint="Try 15m or 30m.",
            )
        if self.start.timestamp() % SLOT_SECONDS:
            raise SpanInvalid(
                f"{format_instant(self.start)} does not stand on five minutes",
                hint="Begin at :00, :05, :10 and so on.",
            )
        if not self.intervals:
            raise SpanInvalid(f"there is no whole interval of {self.step} in {self.length}")

    @property
    def intervals(self) -> int:
        return self.length // self.step

    @property
    def end(self) -> datetime:
        return self.start + self.intervals * self.step

    @property
    def slots(self) -> Slots:
        per_interval = int(self.step.total_seconds()) // SLOT_SECONDS
        return Slots(int(self.start.timestamp()), self.intervals * per_interval)


def simulate(premises: Iterable[Premises], span: Span, *, place: Place, seed: int) -> Iterator[History]:
    """Yield what the meters of `premises` count; the same arguments always bring the same.

    Raises: SimulationNotInstalled.
    """
    slots = span.slots
    light = light_through(place, slots, seed=seed)
    loads: dict[Profile, Sequence[int]] = {}
    for one in premises:
        if one.profile not in loads:
            loads[one.profile] = standard_load(one.profile, place, slots)
        used = consumption(one, loads[one.profile], slots, place=place, seed=seed)
        net = _net(one, used, light, slots, place=place)
        yield make_history(one, net, slots, step=int(span.step.total_seconds()))


def _net(
    premises: Premises, used: list[int], light: Sequence[int], slots: Slots, *, place: Place
) -> list[int]:
    """Return what the premises take from the grid in each slot, negative where they give. Units: mWh."""
    net = used
    if premises.roof is not None:
        made = _made(premises.roof, light, slots, place)
        net = [taken - given for taken, given in zip(used, made, strict=True)]
    return net if premises.battery is None else _through(premises.battery, net)


def _made(roof: Roof, light: Sequence[int], slots: Slots, place: Place) -> list[int]:
    """Return what the roof makes in each slot, at most its peak. Units: mWh."""
    clear = clear_sky_watts(place, slots, tilt=roof.tilt, azimuth=roof.azimuth)
    return [
        milliwatt_hours(min(roof.peak_watts, roof.peak_watts * watts * part // (1000 * CLEAR)))
        for watts, part in zip(clear, light, strict=True)
    ]


def _through(battery: Battery, net: Sequence[int]) -> list[int]:
    """Return the net flow that a battery leaves: it takes what is left over, and gives what is missing.

    It begins half full. Units: mWh.
    """
    capacity, most = battery.capacity * 1000, milliwatt_hours(battery.power)
    held = capacity // 2
    left = []
    for flow in net:
        if flow < 0:
            taken = min(-flow * _FOLLOWED // 100, most, (capacity - held) * 100 // _STORED)
            held += taken * _STORED // 100
            left.append(flow + taken)
        else:
            given = min(flow * _FOLLOWED // 100, most, held * _STORED // 100)
            held -= -(-given * 100 // _STORED)
            left.append(flow - given)
    return left
