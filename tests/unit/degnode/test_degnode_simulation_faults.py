"""Faults on request: each strikes where it should, shows in the documents, and loses nothing else."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest

from degnode.simulation.documents import MeterDocument
from degnode.simulation.faults import FaultKind, FaultUnreadable, read_fault
from degnode.simulation.run import MeterRun, run
from degnode.simulation.strikes import FaultMisplaced
from degnode.simulation.telling import DRIFT_SECONDS, Registers
from metering.energy import Direction
from tests.support.simulated_world import SUMMATION, SUMMER, meter, plan, stands, told

START = int(SUMMER.timestamp())
QUARTER = 900  # s
IMPORT = Direction.IMPORT


@cache
def sound() -> MeterRun:
    """Return the third meter as it tells when no fault strikes it."""
    return meter(3)


def values(one: MeterRun) -> list[int]:
    """Return what the documents tell of the import register, interval by interval as told."""
    return [value for _, _, value in told(one.documents, IMPORT)]


def names(one: MeterRun) -> list[str]:
    return [document.name for document in one.documents]


def test_a_sound_meter_tells_what_it_counted_and_its_stands_agree_to_the_watt_hour() -> None:
    for one in run(plan(meters=8)):
        for direction in one.history.directions:
            intervals = told(one.documents, direction)
            assert [value for _, _, value in intervals] == list(one.history.energy(direction))
            differences = [after - before for before, after in pairwise(stands(one.documents, direction))]
            assert differences == list(one.history.energy(direction))


def test_a_gap_leaves_out_the_interval_and_the_stand_at_its_end() -> None:
    one = meter(3, "gap@3:17-18")
    starts = [start for start, _, _ in told(one.documents, IMPORT)]
    missing = {START + 17 * QUARTER, START + 18 * QUARTER}
    assert set(range(START, START + 96 * QUARTER, QUARTER)) - set(starts) == missing
    assert len(stands(one.documents)) == 97 - 2
    assert one.told(IMPORT) == sum(sound().history.imported) - sum(sound().history.imported[17:19])


def test_a_spike_is_more_than_the_connection_carries_and_the_register_knows_better() -> None:
    one = meter(3, "spike@3:30")
    assert values(one)[30] > one.history.premises.connection_watts // 4
    assert values(one)[:30] + values(one)[31:] == values(sound())[:30] + values(sound())[31:]
    assert stands(one.documents) == stands(sound().documents)


def test_a_reset_begins_again_at_nought_and_counts_on() -> None:
    told_stands = stands(meter(3, "reset@3:40").documents)
    energy = sound().history.imported
    assert told_stands[:41] == stands(sound().documents)[:41]
    assert told_stands[41] == energy[40] < told_stands[40]
    assert told_stands[-1] == sum(energy[40:])


@pytest.mark.parametrize("at", [0, 50, 95])
def test_across_a_rollover_the_stands_still_add_up_to_the_intervals(at: int) -> None:
    modulus = 5_000_000
    one = meter(3, f"rollover@3:{at}", modulus=modulus)
    told_stands = stands(one.documents)
    assert told_stands[at + 1] < told_stands[at] < modulus
    assert sum(after < before for before, after in pairwise(told_stands)) == 1
    assert [(after - before) % modulus for before, after in pairwise(told_stands)] == values(one)


def test_a_rollover_waits_until_something_is_imported() -> None:
    noon = meter(2).history.imported.index(0)
    one = meter(2, f"rollover@2:{noon}")
    (fault,) = one.faults
    assert fault.at != noon
    assert stands(one.documents)[fault.at + 1] < stands(one.documents)[fault.at]


def test_a_stale_register_repeats_itself_and_the_next_interval_brings_both() -> None:
    one = meter(3, "stale@3:60")
    told_stands, energy = stands(one.documents), sound().history.imported
    assert told_stands[61] == told_stands[60]
    assert values(one)[60:62] == [0, energy[60] + energy[61]]
    assert one.told(IMPORT) == sum(energy)
    assert told_stands[-1] == stands(sound().documents)[-1]


def test_a_clock_that_drifts_gains_with_every_interval_and_leaves_no_hole() -> None:
    intervals = told(meter(3, "drift@3:90").documents, IMPORT)
    assert [start for start, _, _ in intervals[:91]] == [START + at * QUARTER for at in range(91)]
    assert {duration for _, duration, _ in intervals[90:]} == {QUARTER + DRIFT_SECONDS}
    assert all(one[0] + one[1] == other[0] for one, other in pairwise(intervals))
    last = told(meter(3, "drift@3:90").documents, IMPORT, behaviour=SUMMATION)[-1]
    assert last[0] == START + 96 * QUARTER + 6 * DRIFT_SECONDS


def test_a_correction_is_told_wrongly_first_and_rightly_after_everything_else() -> None:
    one = meter(3, "correction@3:20", "late@3:1")
    about_it = [value for start, _, value in told(one.documents, IMPORT) if start == START + 20 * QUARTER]
    assert about_it[0] != sound().history.imported[20] == about_it[1]
    assert names(one)[-2:] == ["readings-0001", "correction-00020"]
    assert one.told(IMPORT) == sum(sound().history.imported)


def test_a_duplicate_is_the_same_bytes_again_after_everything_else() -> None:
    one = meter(3, "duplicate@3:5")
    again: MeterDocument = one.documents[-1]
    (first,) = [document for document in one.documents if document.name == "readings-0005"]
    assert again.name == "readings-0005-again"
    assert again.on_its_own() == first.on_its_own()
    assert again.for_known_meter() == first.for_known_meter()


def test_late_documents_come_after_those_that_follow_them_and_none_is_lost() -> None:
    one = meter(3, "late@3:2-9")
    assert sorted(names(one)) == names(sound())
    assert set(names(one)[-8:]) == {f"readings-{number:04}" for number in range(2, 10)}
    assert names(one)[-8:] != sorted(names(one)[-8:])
    assert {document.due for document in one.documents[-8:]} == {START + 96 * QUARTER}


def test_a_rate_strikes_about_so_often_and_never_twice_in_one_place() -> None:
    runs = list(run(plan("gap:0.1", "stale:0.1", "spike:0.1", "correction:0.1", meters=20)))
    for one in runs:
        touched = [
            at
            for fault in one.faults
            for at in ((fault.at, fault.at + 1) if fault.kind is FaultKind.STALE else (fault.at,))
        ]
        assert len(touched) == len(set(touched))
    gaps = sum(fault.kind is FaultKind.GAP for one in runs for fault in one.faults)
    assert 140 < gaps < 245  # of 1,920 intervals


def test_at_a_rate_of_one_every_meter_document_or_interval_is_struck() -> None:
    one = meter(3, "reset:1", "late:1", "duplicate:1.0", "gap:1")
    counts = {kind: sum(fault.kind is kind for fault in one.faults) for kind in FaultKind}
    assert (counts[FaultKind.RESET], counts[FaultKind.LATE], counts[FaultKind.DUPLICATE]) == (1, 24, 24)
    assert counts[FaultKind.GAP] == 96
    assert values(one) == []


@pytest.mark.parametrize(
    "text", ["gap", "gap:2", "gap:1.5", "gap:-1", "gap@0", "gremlin:0.1", "gap:0.1x", ""]
)
def test_a_fault_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(FaultUnreadable, match=r"spike@3:17"):
        read_fault(text)


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (("gap@4:0",), "there is no meter 4"),
        (("gap@0:0",), "there is no meter 0"),
        (("gap@1:96",), "a meter has 96 intervals"),
        (("stale@1:95",), "a meter has 95 intervals"),
        (("late@1:24",), "a meter has 24 documents"),
        (("gap@1:5-3",), "ends before it begins"),
        (("gap@1:5", "spike@1:5"), "another fault strikes there"),
        (("reset@1:5", "reset@1:9"), "another fault strikes there"),
    ],
)
def test_a_fault_that_can_strike_nothing_is_refused(faults: tuple[str, ...], words: str) -> None:
    with pytest.raises(FaultMisplaced, match=words):
        run(plan(*faults))


@pytest.mark.parametrize(
    ("fault", "registers"), [("spike:1", Registers.STANDS), ("reset:1", Registers.INTERVALS)]
)
def test_a_fault_that_would_not_show_is_refused(fault: str, registers: Registers) -> None:
    with pytest.raises(FaultMisplaced, match="does not show"):
        run(plan(fault, registers=registers))
