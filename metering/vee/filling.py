"""How much goes into each cell of several gaps at once, so that every bounded one adds up. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from metering.vee.bounds import Bound
from metering.vee.estimation import Cell, Method, Shape, apportion, rounded
from metering.vee.evidence import Slot


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap cut into cells, with the intervals right before and after it, and the shape it would have."""

    cells: Sequence[Cell]
    before: Slot | None = None
    after: Slot | None = None
    shape: Shape | None = None

    @property
    def start(self) -> int:
        return self.cells[0][0]

    @property
    def end(self) -> int:
        return self.cells[-1][1]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a gap is filled with, in Wh by cell, and how; the `bounds` that decided its sums."""

    gap: Gap
    method: Method
    watt_hours: Sequence[int]
    bounds: Sequence[Bound]


def plan(gaps: Sequence[Gap], bounds: Sequence[Bound], *, step: int) -> list[Plan | None]:
    """Return for each gap what it is filled with, or None where nothing says how much flowed.

    Between two stands the cells of all gaps add up to what is left of the difference, as far as the
    register of the intervals can say it, which counts in steps of `step` Wh. Where one of these gaps has
    no shape, the energy is spread evenly over all of them.
    """
    amounts: dict[Cell, int] = {}
    even: set[Cell] = set()
    shapes = {
        cell: None if gap.shape is None else gap.shape.watt_hours[at]
        for gap in gaps
        for at, cell in enumerate(gap.cells)
    }
    for bound in bounds:
        cells = [cell for cell in shapes if bound.holds(cell)]
        weights = _weights(cells, shapes)
        if weights is None:
            even.update(cells)
            weights = [Fraction(end - start) for start, end in cells]
        # A register that counts in steps can say no more than was counted.
        amounts |= zip(cells, _in_steps(weights, bound.left // step, step), strict=True)
    return [_plan_of(gap, bounds, amounts, even, step) for gap in gaps]


def _plan_of(
    gap: Gap, bounds: Sequence[Bound], amounts: Mapping[Cell, int], even: set[Cell], step: int
) -> Plan | None:
    free = [cell for cell in gap.cells if cell not in amounts]
    if free and gap.shape is None:
        return None
    own = dict(amounts)
    if gap.shape is not None and free:
        weights = [
            weight for cell, weight in zip(gap.cells, gap.shape.watt_hours, strict=True) if cell in free
        ]
        steps = rounded(sum(weights, Fraction(0)) / step)
        own |= zip(free, _in_steps(weights, steps, step), strict=True)
    is_even = gap.shape is None or any(cell in even for cell in gap.cells)
    return Plan(
        gap,
        Method.SPREAD if is_even or gap.shape is None else gap.shape.method,
        [own[cell] for cell in gap.cells],
        [bound for bound in bounds if any(bound.holds(cell) for cell in gap.cells)],
    )


def _weights(cells: Sequence[Cell], shapes: Mapping[Cell, Fraction | None]) -> list[Fraction] | None:
    weights = [weight for cell in cells if (weight := shapes[cell]) is not None]
    return weights if len(weights) == len(cells) else None


def _in_steps(weights: Sequence[Fraction], steps: int, step: int) -> list[int]:
    return [step * share for share in apportion(weights, steps)]
