"""The energy of a window from intervals, stands, tiers and several registers."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from kernel.interval import Interval
from metering.energy import Direction, Measurement
from metering.judgement import Known
from metering.quality import DERIVED, ESTIMATED_BY_INTERPOLATION, VALID
from metering.series import Flow, Rank, energies_within, flows_of, reach_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _window(start: float, end: float) -> Interval:
    return Interval(_EPOCH + timedelta(seconds=start), _EPOCH + timedelta(seconds=end))


def _known(
    start: int, end: int, watt_hours: int, *, quality: int = 0, revision: int = 0, tier: int = 0
) -> Known:
    return Known(Measurement(Direction.IMPORT, tier, 0, start, end, watt_hours, quality), revision)


def _flows(*channels: tuple[int, list[Known]]) -> dict[Rank, list[Flow]]:
    flows: defaultdict[Rank, list[Flow]] = defaultdict(list)
    for register_id, known in channels:
        for rank, of_rank in flows_of(register_id, known).items():
            flows[rank] += of_rank
    return flows


def _energies(flows: dict[Rank, list[Flow]], start: float, end: float) -> list[tuple[float, float, int]]:
    return [
        (
            (item.period.start - _EPOCH).total_seconds(),
            (item.period.end - _EPOCH).total_seconds(),
            item.energy.watt_hours,
        )
        for item in energies_within(_window(start, end), flows)
    ]


def test_intervals_are_returned_in_order_of_time() -> None:
    flows = _flows((1, [_known(900, 1800, 2), _known(0, 900, 1)]))
    assert _energies(flows, 0, 1800) == [(0, 900, 1), (900, 1800, 2)]


def test_the_difference_of_two_stands_is_the_energy_between_them() -> None:
    flows = _flows((1, [_known(0, 0, 1000), _known(900, 900, 1250), _known(3600, 3600, 1250)]))
    assert _energies(flows, 0, 3600) == [(0, 900, 250), (900, 3600, 0)]


def test_a_difference_is_valid_only_if_both_stands_are() -> None:
    stands = [_known(0, 0, 1, quality=VALID), _known(9, 9, 2, quality=VALID, revision=2), _known(20, 20, 3)]
    first, second = energies_within(_window(0, 20), _flows((1, stands)))
    assert (first.quality, first.revision) == (VALID, 2)
    assert (second.quality, second.revision) == (0, 2)


def test_an_interval_across_the_edge_is_prorated_and_marked() -> None:
    flows = _flows((1, [_known(0, 900, 10, quality=VALID)]))
    (part,) = energies_within(_window(0, 600), flows)
    assert (part.energy.watt_hours, part.quality) == (6, VALID | DERIVED)
    assert _energies(flows, 600, 900) == [(600, 900, 4)]


def test_a_difference_across_the_edge_is_marked_as_interpolated() -> None:
    flows = _flows((1, [_known(0, 0, 0), _known(900, 900, 10)]))
    (part,) = energies_within(_window(0, 600), flows)
    assert part.quality == DERIVED | ESTIMATED_BY_INTERPOLATION


def test_parts_finer_than_a_second_add_up_too() -> None:
    flows = _flows((1, [_known(0, 900, 7)]))
    edges = [0, 0.25, 300.5, 300.500001, 900]
    parts = [item for one, other in pairwise(edges) for item in _energies(flows, one, other)]
    assert sum(watt_hours for *_, watt_hours in parts) == 7


def test_tiers_of_one_period_are_added_up() -> None:
    flows = _flows(
        (1, [_known(0, 900, 3, tier=1, quality=VALID)]), (1, [_known(0, 900, 4, tier=2, revision=1)])
    )
    (sum_of_tiers,) = energies_within(_window(0, 900), flows)
    assert (sum_of_tiers.energy.watt_hours, sum_of_tiers.quality, sum_of_tiers.revision) == (7, 0, 1)


def test_a_total_register_is_preferred_to_the_stands_of_its_tiers() -> None:
    total = [_known(0, 0, 0), _known(900, 900, 7)]
    tier = [_known(0, 0, 0, tier=1), _known(900, 900, 3, tier=1)]
    assert _energies(_flows((1, total), (1, tier)), 0, 900) == [(0, 900, 7)]


def test_interval_energy_is_preferred_and_a_registers_differences_fill_the_gaps() -> None:
    deltas = [_known(0, 900, 10), _known(1800, 2700, 30)]
    stands = [_known(at, at, total) for at, total in ((0, 0), (900, 11), (1800, 32), (2700, 63))]
    assert _energies(_flows((1, stands), (2, deltas)), 0, 2700) == [
        (0, 900, 10), (900, 1800, 21), (1800, 2700, 30),
    ]  # fmt: skip


def test_an_earlier_register_is_preferred_and_a_later_one_counts_where_it_is_alone() -> None:
    old, new = [_known(0, 900, 1)], [_known(0, 900, 1), _known(900, 1800, 2), _known(600, 1000, 9)]
    assert _energies(_flows((1, old), (2, new[:2])), 0, 1800) == [(0, 900, 1), (900, 1800, 2)]
    assert _energies(_flows((1, old), (2, [new[2]])), 0, 1800) == [(0, 900, 1)]


def test_preference_does_not_depend_on_the_window() -> None:
    flows = _flows((1, [_known(0, 900, 1)]), (2, [_known(600, 1800, 9)]))
    assert _energies(flows, 900, 1800) == []
    assert _energies(flows, 0, 1800) == [(0, 900, 1)]


def test_the_reach_of_a_window_is_that_of_what_overlaps_it() -> None:
    flows = _flows((1, [_known(0, 900, 1), _known(900, 1800, 1), _known(1800, 2700, 1)]))
    assert reach_of(flows, start=1000, end=1900) == (900, 2700)
    assert reach_of({}, start=5, end=6) == (5, 6)
