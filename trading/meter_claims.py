"""Contracts that claim the same meter: which go before a contract, and which come after it.

The earlier confirmation goes before the later, and of two at the same instant the lower id. On the source's
meter none goes before a contract that has a fixed share of it. Contracts that are metered once claim their
meter among themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Text,
    Tuple,
    and_,
    any_,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from trading.contract import Contract
from trading.delivery_records import losses_from_record
from trading.lifecycle import ContractStatus
from trading.matching import NO_LOSSES, Losses, Matching
from trading.tables import contract_curtailments, contracts

_INSTANT: Final = DateTime(timezone=True)


class MeterEnd(StrEnum):
    """Which of a contract's two meters is meant, by its column."""

    SOURCE = "source_mrid"
    TARGET = "target_mrid"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterClaim:
    """What another contract takes of a meter within its window.

    `contracted` is its quantity, `quantity` what that is at this meter, before or after losses. `cuts` are
    what was cut from the latter in all, each from an instant on.
    """

    contract_id: str
    confirmed_at: datetime
    window: Interval
    contracted: Energy
    cuts: tuple[tuple[datetime, Energy], ...]
    end: MeterEnd
    losses: Losses = NO_LOSSES
    matching: Matching = Matching.WINDOW

    @property
    def quantity(self) -> Energy:
        return self._at_meter(self.contracted)

    def cut_at_meter(self, cut: Energy) -> Energy:
        """Return by how much less may be taken of the meter, where so much is cut from the contract.

        A contract that matches each interval may take as much as before: what it was given and its other
        side did not take still counts towards its quantity, and not towards what is left after the cut.
        """
        if self.matching is Matching.INTERVAL:
            return ZERO_ENERGY
        return self.quantity - self._at_meter(max(ZERO_ENERGY, self.contracted - cut))

    def _at_meter(self, energy: Energy) -> Energy:
        due = self.losses.due_of_source if self.end is MeterEnd.SOURCE else self.losses.due_of_target
        return Energy(due(energy.watt_hours))


async def find_earlier_claims(
    connection: AsyncConnection, contract: Contract, *, end: MeterEnd, cut_by: datetime | None
) -> list[MeterClaim]:
    """Return what goes before a binding contract on one of its meters, as far as it matters to it.

    Those are the contracts confirmed before it whose windows overlap its own, those whose windows overlap
    these, and so on, if they begin before its window ends. One that was cancelled before its
    window began claims nothing. `cut_by` leaves out what was said to be cut later.
    """
    matter = await _matter(connection, contract, end)
    query = select(
        contracts.c.id,
        contracts.c.confirmed_at,
        contracts.c.window_start,
        contracts.c.window_end,
        contracts.c.quantity_wh,
        contracts.c.terms["losses"].label("losses"),
        contracts.c.terms["matching"].label("matching"),
    ).where(*matter)
    rows = (await connection.execute(query)).all()
    cuts = await _cuts_of(connection, matter, cut_by=cut_by) if rows else {}
    claims = [
        MeterClaim(
            contract_id=row.id,
            confirmed_at=row.confirmed_at,
            window=Interval(row.window_start, row.window_end),
            contracted=Energy(row.quantity_wh),
            cuts=(),
            end=end,
            losses=losses_from_record(row.losses),
            matching=Matching(row.matching or Matching.WINDOW),
        )
        for row in rows
    ]
    return [
        replace(
            claim,
            cuts=tuple((since, claim.cut_at_meter(cut)) for since, cut in cuts.get(claim.contract_id, ())),
        )
        for claim in claims
    ]


async def _matter(
    connection: AsyncConnection, contract: Contract, end: MeterEnd
) -> list[ColumnElement[bool]]:
    """Return which contracts matter: the time before the window is taken in as far as windows overlap."""
    column = contracts.c
    earlier = [
        column[end.value] == getattr(contract, end.value),
        _is_metered_once(contract.is_metered_once),
        column.confirmed_at.is_not(None),
        tuple_(column.confirmed_at, column.id) < _precedence(contract),
        column.window_start < contract.window.end,
        not_(and_(column.status == ContractStatus.TERMINATED.value, column.ended_at <= column.window_start)),
    ]
    since = contract.window.start
    while True:
        matter = [*earlier, column.window_end > since]
        first = (await connection.execute(select(func.min(column.window_start)).where(*matter))).scalar_one()
        if first is None or first >= since:
            return matter
        since = first


def _is_metered_once(expected: bool) -> ColumnElement[bool]:
    """Say which contracts count together on a meter.

    What a station takes from the grid under one contract it hands over under others: neither is before
    the other, though both count the same import.
    """
    column = contracts.c
    same = column.source_mrid == column.target_mrid
    return same if expected else not_(same)


def _precedence(contract: Contract) -> Tuple:
    return tuple_(literal(contract.confirmed_at, _INSTANT), literal(contract.id, Text))


async def _cuts_of(
    connection: AsyncConnection, matter: Sequence[ColumnElement[bool]], *, cut_by: datetime | None
) -> dict[str, list[tuple[datetime, Energy]]]:
    table = contract_curtailments.c
    query = (
        select(table.contract_id, table.since, table.quantity_wh)
        .join_from(contract_curtailments, contracts)
        .where(*matter)
    )
    if cut_by is not None:
        query = query.where(table.recorded_at <= cut_by)
    found: dict[str, list[tuple[datetime, Energy]]] = defaultdict(list)
    for row in await connection.execute(query.order_by(table.contract_id, table.since)):
        found[row.contract_id].append((row.since, Energy(row.quantity_wh)))
    return found


async def hold_later_claims(connection: AsyncConnection, contract: Contract) -> list[str]:
    """Hold a contract and all that come after it on its meters and still count; return the ids of these.

    So does one that was cancelled after its window began: what is left to it until then may change. One
    that has a fixed share of the source does not come after others there. They are locked in the order in
    which readings lock them, so that neither waits for the other: call it before anything else is locked.
    """
    column = contracts.c
    was_cancelled = and_(
        column.status == ContractStatus.TERMINATED.value, column.ended_at > column.window_start
    )
    later = and_(
        or_(column.refresh_at.is_not(None), was_cancelled),
        or_(
            and_(column.source_mrid == contract.source_mrid, not_(column.terms.has_key("share_percent"))),
            column.target_mrid == contract.target_mrid,
        ),
        tuple_(contracts.c.confirmed_at, contracts.c.id) > _precedence(contract),
    )
    query = (
        select(contracts.c.id)
        .where(or_(contracts.c.id == contract.id, later))
        .order_by(contracts.c.id)
        .with_for_update()
    )
    held = (await connection.execute(query)).scalars()
    return [contract_id for contract_id in held if contract_id != contract.id]


async def look_again(connection: AsyncConnection, contract_ids: Collection[str], *, at: datetime) -> None:
    """Have contracts looked at from `at` on, which `hold_later_claims` returned."""
    await connection.execute(
        update(contracts)
        .where(contracts.c.id == any_(literal(list(contract_ids), ARRAY(Text))))
        .values(refresh_at=func.least(contracts.c.refresh_at, at))
    )
