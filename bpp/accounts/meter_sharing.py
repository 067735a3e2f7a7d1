"""What of a contract's meters is left to it: its fixed share, or what contracts before it leave.

Each meter is shared out by itself, interval by interval: first in first out, but that a contract with a
fixed share of its source's meter has that, whatever others have. Only this node's own contracts are known
here; what a meter sells on another platform is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Final, TypeAlias

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.long_work import beside_loop
from metering.energy import Direction
from metering.query import interval_energy
from settlement.allocation.quantity import Lump
from settlement.allocation.rules import Policy
from settlement.allocation.series import (
    FIRST_IN_FIRST_OUT,
    FIXED_SHARES,
    Entitlement,
    fixed_share,
    left_over,
)
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.lifecycle import ContractStatus
from trading.meter_claims import MeterClaim, MeterEnd, find_earlier_claims

Metered: TypeAlias = Sequence[tuple[Interval, Energy]]

_DIRECTIONS: Final = {MeterEnd.SOURCE: Direction.EXPORT, MeterEnd.TARGET: Direction.IMPORT}


def direction_at(contract: Contract, end: MeterEnd) -> Direction:
    """Return which way energy flows at one of a contract's meters.

    Where it is metered once, both ends are what the buyer took: the import of the vehicle at the plug.
    """
    return Direction.IMPORT if contract.is_metered_once else _DIRECTIONS[end]


def share_at(contract: Contract, end: MeterEnd) -> Decimal | None:
    """Return the per cent of one of its meters that a contract has; None where it is served in its order."""
    return contract.terms.share_percent if end is MeterEnd.SOURCE else None


def allocation_at(contract: Contract, end: MeterEnd) -> str:
    """Return the rule, with its version, by which one of a contract's meters is shared out."""
    policy: Policy = FIRST_IN_FIRST_OUT if share_at(contract, end) is None else FIXED_SHARES
    return str(policy.applied)


async def read_counted(contract: Contract, end: MeterEnd, uow: UnitOfWork, *, window: Interval) -> Metered:
    """Return what one of a contract's meters counted within a window, as known now."""
    found = await interval_energy(
        uow.connection,
        meter=getattr(contract, end.value),
        direction=direction_at(contract, end),
        window=window,
    )
    return [(interval.period, interval.energy) for interval in found]


async def read_left(contract: Contract, end: MeterEnd, uow: UnitOfWork, *, counted: Metered) -> Metered:
    """Return what is left to the contract of what a meter `counted` within its window.

    What is cut from others once it is fulfilled changes nothing of it.
    """
    share = share_at(contract, end)
    if share is not None:
        return fixed_share(counted, share)
    cut_by = contract.ended_at if contract.status is ContractStatus.COMPLETED else None
    claims = await find_earlier_claims(uow.connection, contract, end=end, cut_by=cut_by)
    if not claims:
        return counted
    since = min(contract.window.start, *(claim.window.start for claim in claims))
    hull = Interval(since, contract.window.end)
    metered = await read_counted(contract, end, uow, window=hull)
    if parts := _parts(hull, metered, [contract.window, *(claim.window for claim in claims)]):
        metered = [
            interval for part in parts for interval in await read_counted(contract, end, uow, window=part)
        ]
    entitlements = [_entitlement(claim) for claim in claims]
    left = await beside_loop(partial(left_over, metered, entitlements), items=len(metered))
    return [each for each in left if contract.window.start <= each[0].start]


def _parts(hull: Interval, metered: Metered, windows: Sequence[Interval]) -> list[Interval]:
    """Return the parts of `hull` between those edges of `windows` that cut an interval; none if none does."""
    edges = {edge for window in windows for edge in (window.start, window.end)}
    cutting = [edge for edge in edges if any(period.start < edge < period.end for period, _ in metered)]
    if not cutting:
        return []
    return [Interval(start, end) for start, end in pairwise([hull.start, *sorted(cutting), hull.end])]


def _entitlement(claim: MeterClaim) -> Entitlement:
    """Return what a contract may take: what flowed before a cut stays with it."""
    contracted = claim.quantity.watt_hours
    limits = tuple((since, max(0, contracted - cut.watt_hours)) for since, cut in claim.cuts)
    return Entitlement(
        contract_id=claim.contract_id,
        traded_at=claim.confirmed_at,
        window=claim.window,
        quantity=Lump(watt_hours=contracted, limits=limits),
    )
