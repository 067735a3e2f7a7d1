"""Whatever flows through a simulated meter: no watt-hour is lost, in intervals, in stands, by any fault."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from degnode.simulation.faults import FaultKind, FaultWish
from degnode.simulation.history import History, make_history
from degnode.simulation.premises import Premises, Roof
from degnode.simulation.slots import SLOT_SECONDS, Slots
from degnode.simulation.strikes import Targets, aim, check_wishes, strikes
from degnode.simulation.telling import Register, Registers, registers_of
from metering.energy import DELTA_DATA, Direction

START = 1_780_272_000
MODULUS = 1_000_000
HOUSE = Premises(number=1, mrid="0" * 30, annual_kwh=3_000, roof=Roof(peak_watts=5_000, tilt=20, azimuth=180))
NET = st.lists(st.integers(-1_500_000, 1_500_000), min_size=36, max_size=36)  # mWh in five minutes
STEPS = st.sampled_from([1, 2, 3, 6, 12])  # slots an interval


def history_of(net: list[int], grain: int) -> History:
    return make_history(HOUSE, net, Slots(START, len(net)), step=grain * SLOT_SECONDS)


def told(register: Register) -> list[int]:
    return [register.readings[at].value or 0 for at in sorted(register.readings)]


def registers(history: History, wishes: list[FaultWish], seed: int) -> list[Register]:
    targets = Targets(meters=1, intervals=history.count, documents=1)
    check_wishes(wishes, targets)
    faults = [aim(fault, history.imported) for fault in strikes(wishes, targets, meter=1, seed=seed)]
    return registers_of(
        history, faults, registers=Registers.BOTH, telemetry=False, modulus=MODULUS, seed=seed
    )


@given(net=NET, grain=STEPS)
def test_every_whole_watt_hour_is_counted_once_however_long_the_intervals_are(
    net: list[int], grain: int
) -> None:
    history = history_of(net, grain)
    assert sum(history.imported) == sum(energy for energy in net if energy > 0) // 1000
    assert sum(history.exported) == -sum(energy for energy in net if energy < 0) // 1000
    assert min(*history.imported, *history.exported, 0) == 0


@given(
    net=NET,
    grain=STEPS,
    seed=st.integers(0, 2**32),
    kinds=st.lists(st.sampled_from([FaultKind.STALE, FaultKind.ROLLOVER, FaultKind.DRIFT]), unique=True),
)
def test_stands_that_stall_and_roll_over_still_differ_by_what_the_intervals_say(
    net: list[int], grain: int, seed: int, kinds: list[FaultKind]
) -> None:
    history = history_of(net, grain)
    wishes = [FaultWish(kind=kind, parts_per_million=400_000) for kind in kinds]
    for intervals, stands in zip(*[iter(registers(history, wishes, seed))] * 2, strict=True):
        assert intervals.reading_type.accumulation_behaviour == DELTA_DATA
        direction = Direction(intervals.reading_type.flow_direction)
        assert sum(told(intervals)) == sum(history.energy(direction))
        differences = [(after - before) % MODULUS for before, after in pairwise(told(stands))]
        assert differences == told(intervals)


@given(net=NET, seed=st.integers(0, 2**32), rate=st.integers(0, 1_000_000))
def test_gaps_and_corrections_end_with_the_truth_of_what_is_left(
    net: list[int], seed: int, rate: int
) -> None:
    history = history_of(net, 3)
    kinds = (FaultKind.GAP, FaultKind.CORRECTION)
    wishes = [FaultWish(kind=kind, parts_per_million=rate) for kind in kinds]
    for register in registers(history, wishes, seed):
        if register.reading_type.accumulation_behaviour == DELTA_DATA:
            true = history.energy(Direction(register.reading_type.flow_direction))
            assert all(reading.value == true[at] for at, reading in register.readings.items())
            assert all(reading.value != true[at] for at, reading in register.first_told.items())
