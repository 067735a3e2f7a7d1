"""A run of the simulation: who, when, which registers, which faults; and everything that comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from degnode.simulation.documents import MeterDocument, batches, documents_of, introduction
from degnode.simulation.faults import Fault, FaultKind, FaultWish
from degnode.simulation.history import History
from degnode.simulation.libraries import demand_libraries
from degnode.simulation.places import Place
from degnode.simulation.premises import make_premises
from degnode.simulation.strikes import FaultMisplaced, Targets, aim, check_wishes, strikes
from degnode.simulation.telling import MODULUS, Register, Registers, registers_of
from degnode.simulation.world import Span, simulate
from metering.energy import DELTA_DATA, Direction

_NEED_INTERVALS = frozenset({FaultKind.SPIKE, FaultKind.CORRECTION})
_NEED_STANDS = frozenset({FaultKind.RESET, FaultKind.ROLLOVER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to simulate. Units: `modulus` in Wh; `batch` is the time that one document covers."""

    meters: int
    place: Place
    span: Span
    seed: int
    batch: timedelta
    registers: Registers = Registers.BOTH
    telemetry: bool = False
    wishes: Sequence[FaultWish] = ()
    modulus: int = MODULUS

    @property
    def targets(self) -> Targets:
        documents = len(batches(self.span.intervals, step=self.span.step, batch=self.batch))
        return Targets(meters=self.meters, intervals=self.span.intervals, documents=documents)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRun:
    """One meter: what it truly counted, what is wrong with it, what it tells, and by which documents."""

    history: History
    faults: tuple[Fault, ...]
    registers: tuple[Register, ...]
    introduction: MeterDocument
    documents: tuple[MeterDocument, ...]

    def told(self, direction: Direction) -> int | None:
        """Return the energy that its interval readings add up to in the end, if it has any. Units: Wh."""
        for register in self.registers:
            kind = register.reading_type
            if kind.accumulation_behaviour == DELTA_DATA and kind.flow_direction == direction:
                return sum(reading.value or 0 for reading in register.readings.values())
        return None


def run(plan: Plan) -> Iterator[MeterRun]:
    """Return what the meters of `plan` do, one after the other; the same plan always brings the same bytes.

    Raises: SimulationNotInstalled, FaultMisplaced.
    """
    demand_libraries()
    _check_registers(plan)
    check_wishes(plan.wishes, plan.targets)
    return _run(plan)


def _run(plan: Plan) -> Iterator[MeterRun]:
    premises = (make_premises(number + 1, place=plan.place, seed=plan.seed) for number in range(plan.meters))
    for history in simulate(premises, plan.span, place=plan.place, seed=plan.seed):
        number = history.premises.number
        struck = strikes(plan.wishes, plan.targets, meter=number, seed=plan.seed)
        faults = tuple(aim(fault, history.imported) for fault in struck)
        registers = registers_of(
            history,
            faults,
            registers=plan.registers,
            telemetry=plan.telemetry,
            modulus=plan.modulus,
            seed=plan.seed,
        )
        yield MeterRun(
            history=history,
            faults=faults,
            registers=tuple(registers),
            introduction=introduction(history, registers),
            documents=tuple(documents_of(history, registers, faults, batch=plan.batch, seed=plan.seed)),
        )


def _check_registers(plan: Plan) -> None:
    """Raises: FaultMisplaced, if a fault would not show in the registers that the meters have."""
    absent = {Registers.STANDS: _NEED_INTERVALS, Registers.INTERVALS: _NEED_STANDS}.get(plan.registers)
    for wish in plan.wishes:
        if absent and wish.kind in absent:
            raise FaultMisplaced(
                f"the fault {wish.kind} does not show where meters have only {plan.registers}",
                hint="Ask for --registers both.",
            )
