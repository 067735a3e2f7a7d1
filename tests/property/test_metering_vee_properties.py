"""What holds of every gap that is filled, and of every gap that is found."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from metering.vee.bounds import Bound
from metering.vee.estimation import Method, Shape, apportion, cells_of, rounded, shape_by_line
from metering.vee.evidence import Slot, Stand, covered_seconds, gaps_between
from metering.vee.filling import Gap, plan

QUARTER: Final = 900
DAY: Final = 86_400
_FRACTIONS = st.fractions(min_value=0, max_value=10**6, max_denominator=10**4)
_WEIGHTS = st.lists(_FRACTIONS, min_size=1, max_size=96)


@given(_WEIGHTS, st.integers(0, 10**9))
def test_shares_add_up_exactly_and_none_is_further_than_one_from_its_due(
    weights: Sequence[Fraction], total: int
) -> None:
    shares = apportion(weights, total)
    assert sum(shares) == total
    assert shares == apportion(weights, total)
    if whole := sum(weights):
        assert all(
            abs(share - weight * total / whole) < 1 for share, weight in zip(shares, weights, strict=True)
        )


@given(_FRACTIONS)
def test_rounding_is_never_more_than_a_half_away(amount: Fraction) -> None:
    assert abs(rounded(amount) - amount) <= Fraction(1, 2)


@st.composite
def bounded_gaps(draw: st.DrawFn) -> tuple[list[Gap], list[Bound]]:
    """Return gaps of a day, some with a shape, and stands between which they all lie."""
    edges = draw(st.lists(st.integers(0, 96), min_size=4, max_size=8, unique=True).map(sorted))
    spans = list(pairwise(edges))[::2]
    gaps = []
    for first, last in spans:
        cells = [(at * QUARTER, (at + 1) * QUARTER) for at in range(first, last)]
        weights = draw(st.none() | st.lists(_FRACTIONS, min_size=len(cells), max_size=len(cells)))
        shape = None if weights is None else Shape(Method.REFERENCE_DAYS, weights, {})
        gaps.append(Gap(cells, shape=shape))
    cut = draw(st.integers(0, len(gaps)))
    between = DAY if cut == len(gaps) else gaps[cut].start
    halves = [(0, between), (between, DAY)]
    left = [draw(st.integers(0, 10**7)) for _ in halves]
    bounds = [
        Bound("R", Stand(start, 0), Stand(end, 0), amount)
        for (start, end), amount in zip(halves, left, strict=True)
        if start < end and any(start <= gap.start and gap.end <= end for gap in gaps)
    ]
    return gaps, bounds


@given(bounded_gaps())
def test_gaps_between_stands_add_up_to_what_is_left_of_the_difference(
    found: tuple[list[Gap], list[Bound]],
) -> None:
    gaps, bounds = found
    plans = plan(gaps, bounds, step=1)
    assert plans == plan(gaps, bounds, step=1)
    for bound in bounds:
        filled = sum(
            watt_hours
            for made in plans
            if made is not None
            for cell, watt_hours in zip(made.gap.cells, made.watt_hours, strict=True)
            if bound.holds(cell)
        )
        assert filled == bound.left


@given(bounded_gaps(), st.sampled_from([10, 1000]))
def test_a_coarse_register_is_filled_in_its_own_steps(
    found: tuple[list[Gap], list[Bound]], step: int
) -> None:
    for made in plan(*found, step=step):
        assert made is not None
        assert all(watt_hours % step == 0 for watt_hours in made.watt_hours)


@given(_WEIGHTS, st.sampled_from([1, 10, 1000]))
def test_what_nothing_bounds_is_off_by_half_a_step_at_most(weights: Sequence[Fraction], step: int) -> None:
    cells = [(at * QUARTER, (at + 1) * QUARTER) for at in range(len(weights))]
    (made,) = plan([Gap(cells, shape=Shape(Method.REFERENCE_DAYS, weights, {}))], [], step=step)
    assert made is not None
    assert abs(sum(made.watt_hours) - sum(weights, Fraction())) <= Fraction(step, 2)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 8))
def test_a_line_lies_between_its_ends(before: int, after: int, count: int) -> None:
    start = QUARTER
    cells = cells_of(start, start + count * QUARTER, origin=0, length=QUARTER)
    shape = shape_by_line(cells, Slot(0, start, before), Slot(cells[-1][1], cells[-1][1] + QUARTER, after))
    assert shape is not None
    assert all(min(before, after) <= value <= max(before, after) for value in shape.watt_hours)


@given(st.integers(0, DAY), st.integers(0, DAY), st.sampled_from([60, 300, 900, 1800, 3600]))
def test_cells_tile_a_gap_and_are_cut_at_the_grid_only(one: int, other: int, length: int) -> None:
    start, end = sorted((one, other))
    cells = cells_of(start, end, origin=0, length=length)
    assert [cell[0] for cell in cells[1:]] == [cell[1] for cell in cells[:-1]]
    assert not cells or (cells[0][0], cells[-1][1]) == (start, end)
    assert all(cell[0] % length == 0 for cell in cells[1:])
    assert all(0 < cell[1] - cell[0] <= length for cell in cells)


@given(st.sets(st.integers(0, 95)))
def test_gaps_and_intervals_together_are_the_day(present: set[int]) -> None:
    slots = [Slot(at * QUARTER, (at + 1) * QUARTER, 1) for at in sorted(present)]
    gaps = gaps_between(slots, start=0, end=DAY)
    assert covered_seconds(slots) + sum(end - start for start, end in gaps) == DAY
    assert all(not (start < slot.end and slot.start < end) for start, end in gaps for slot in slots)
