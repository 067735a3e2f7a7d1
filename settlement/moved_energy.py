"""What settled cycles move on the ledger: watt-hours, from the meter that gave to the one that took.

A run of a cycle moves what it comes to less what the runs before it have moved, either way. So a cycle of
which nothing was recorded, because it was settled when energy was not on the ledger yet, is recorded whole
with its next run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

import structlog

from kernel.energy import ZERO_ENERGY, Energy
from kernel.long_work import beside_loop
from kernel.plain_text import one_line
from settlement.cycles import FIRST_RUN, SettlementCycle
from settlement.ledger.accounts import WATT_HOURS, Account, AccountKind
from settlement.ledger.entries import Transfer, transfer_id
from settlement.ledger.journal import find_entries
from settlement.ledger.minting import MINT, came_by, generation_of
from storage.unit_of_work import UnitOfWork
from trading.matching import Billed
from trading.terms import Terms

log = structlog.get_logger(__name__)

GRID: Final = "grid"
"""Whose losses they are where no utility is named."""
ENERGY, LOSSES = "ENERGY", "LOSSES"
"""The two parts of what a source gave, by their codes: what arrived, and what did not."""
_BACK: Final = "RETURN_"

_Moved = Mapping[tuple[str, str], int]
"""Wh that are on the ledger, by cycle and part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyRoute:
    """From which meter a contract's energy goes to which, and in whose wires a part of it is lost."""

    source: str
    target: str
    utility: str
    billed: Billed

    @classmethod
    def of(cls, terms: Terms, *, source: str, target: str) -> Self:
        """Return the route between two meters, by their canonical mRIDs, under a contract's terms.

        The first utility that charges for its wires is whose losses they are.
        """
        names = (one_line(charge.utility_name) for charge in terms.all_wheeling)
        utility = next((name for name in names if name), GRID)
        return cls(source=source, target=target, utility=utility, billed=terms.losses.billed)

    @property
    def generation(self) -> Account:
        return generation_of(self.source)

    def ends(self) -> dict[str, Account]:
        """Return where each part goes."""
        lost = Account(owner=self.utility, kind=AccountKind.LOSSES, unit=WATT_HOURS)
        return {ENERGY: delivered_to(self.target), LOSSES: lost}

    def parts(self, run: SettlementCycle, lost: Energy) -> dict[str, int]:
        """Return the Wh of each part of what the source gave in a cycle."""
        arrived = run.delivered if self.billed is Billed.ARRIVED else run.delivered - lost
        return {ENERGY: arrived.watt_hours, LOSSES: lost.watt_hours}


def delivered_to(meter: str) -> Account:
    """Return the account of what has come to a meter under contracts."""
    return Account(owner=meter, kind=AccountKind.DELIVERED, unit=WATT_HOURS)


async def energy_groups(
    runs: Sequence[SettlementCycle], *, lost: Mapping[str, Energy], route: EnergyRoute, uow: UnitOfWork
) -> list[list[Transfer]]:
    """Return what each run of a contract's settled cycles moves, for one record of the ledger.

    `lost` has what was lost on the way to each cycle. The contract's account has to be locked, and accounts
    of the ledger not yet. Of a meter whose energy is minted nothing is moved: it is in a wallet already.
    """
    if not any(run.delivered.watt_hours or run.run > FIRST_RUN for run in runs):
        return []
    if await came_by(route.source, uow=uow) == MINT:
        log.warning("settlement.energy_is_minted", contract=runs[0].contract_id, meter=route.source)
        return []
    moved = await _moved_before(runs, uow=uow)
    return await beside_loop(partial(_groups, runs, lost, route, moved), items=len(runs))


def _groups(
    runs: Iterable[SettlementCycle], lost: Mapping[str, Energy], route: EnergyRoute, moved: _Moved
) -> list[list[Transfer]]:
    generation, ends = route.generation, route.ends()
    groups = [
        [
            _transfer(run, part, (generation, ends[part]), wh - moved.get((run.cycle_id, part), 0))
            for part, wh in route.parts(run, lost.get(run.cycle_id, ZERO_ENERGY)).items()
            if wh != moved.get((run.cycle_id, part), 0)
        ]
        for run in runs
    ]
    return [group for group in groups if group]


def _transfer(run: SettlementCycle, part: str, way: tuple[Account, Account], watt_hours: int) -> Transfer:
    """Return the transfer of so many Wh along the way, or back if they are negative."""
    debit, credit = way if watt_hours > 0 else way[::-1]
    return Transfer(
        key=_key(run, run.run, part),
        debit=debit,
        credit=credit,
        amount=Energy(abs(watt_hours)),
        code=part if watt_hours > 0 else _BACK + part,
        ref=f"{run.contract_id} {run.cycle_id}",
        run=run.run,
        event_at=run.metered.end,
    )


def _key(cycle: SettlementCycle, run: int, part: str) -> tuple[str, ...]:
    return ("settled-energy", cycle.contract_id, cycle.cycle_id, str(run), part)


async def _moved_before(runs: Sequence[SettlementCycle], *, uow: UnitOfWork) -> _Moved:
    """Return what the runs before these have moved, less what they took back."""
    ids = {transfer_id(*key): (run.cycle_id, key[-1]) for run in runs for key in _earlier_keys(run)}
    moved: dict[tuple[str, str], int] = {}
    for entry in (await find_entries(uow.driver, list(ids))).values() if ids else ():
        cycle_id, part = ids[entry.id]
        sign = 1 if entry.code == part else -1
        moved[cycle_id, part] = moved.get((cycle_id, part), 0) + sign * entry.amount
    return moved


def _earlier_keys(run: SettlementCycle) -> Iterator[tuple[str, ...]]:
    for number in range(FIRST_RUN, run.run):
        yield from (_key(run, number, part) for part in (ENERGY, LOSSES))
