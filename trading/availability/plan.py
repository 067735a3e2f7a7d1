"""What contracts that are held anew together are to hold of each bucket: decided before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from trading.availability.buckets import lay
from trading.availability.fairness import require_fair
from trading.availability.rooms import Room, find_rooms
from trading.contract import Contract
from trading.fields import Field
from trading.refusals import QuantityUnavailable


@dataclass(kw_only=True)
class Plan:
    """What each of the contracts `own` is to hold of each bucket, by its id, as far as that is decided.

    Where there are several, `held` is what each of them holds now. `bounds` has of each resource how many per
    cent one platform may hold, None if there is no bound. Its stock is locked.
    """

    connection: AsyncConnection
    own: Sequence[str]
    held: Mapping[str, Mapping[int, int]]
    bounds: Mapping[str, Decimal | None]
    now: datetime
    parts: dict[str, tuple[Contract, dict[int, int]]] = field(default_factory=dict)

    async def add(self, contract: Contract) -> None:
        """Decide on a contract beside those before it; on the same one again, so that either is enough.

        Raises: QuantityUnavailable, TooMuchHeld.
        """
        taken = self._taken(but=contract.id)
        rooms = await find_rooms(
            self.connection,
            contract.resource_id,
            contract.window,
            now=self.now,
            own=self.own,
            taken=taken,
            kept=self.held.get(contract.id),
        )
        first, parts = self.parts.get(contract.id, (contract, {}))
        for bucket_id, watt_hours in _laid(contract, rooms).items():
            parts[bucket_id] = max(watt_hours, parts.get(bucket_id, 0))
        most_percent = self.bounds[contract.resource_id]
        if most_percent is not None and not contract.is_binding:
            await require_fair(
                self.connection,
                contract,
                parts,
                own=self.own,
                taken=taken,
                most_percent=most_percent,
                now=self.now,
            )
        self.parts[contract.id] = (first, parts)

    def _taken(self, *, but: str) -> dict[int, int]:
        """Return how much of each bucket the other contracts are to hold."""
        taken: dict[int, int] = {}
        for contract_id, (_, parts) in self.parts.items():
            for bucket_id, watt_hours in parts.items() if contract_id != but else ():
                taken[bucket_id] = taken.get(bucket_id, 0) + watt_hours
        return taken


def _laid(contract: Contract, rooms: Sequence[Room]) -> dict[int, int]:
    """Return how much of a contract falls to each bucket. Raises: QuantityUnavailable."""
    shares = lay(contract.quantity, [each.watt_hours for each in rooms])
    if shares is None:
        raise lacking(contract.quantity, contract.window, rooms)
    return {each.bucket_id: share for each, share in zip(rooms, shares, strict=True) if share}


def lacking(quantity: Energy, window: Interval, rooms: Sequence[Room]) -> QuantityUnavailable:
    """Return the refusal of a quantity for which there are no more rooms than these."""
    left = Energy(sum(each.watt_hours for each in rooms))
    when, other = "", ""
    if any(each.is_timed for each in rooms):
        when = f" from {format_instant(window.start)} until {format_instant(window.end)}"
        other = ", or in another window"
    return QuantityUnavailable(
        f"{quantity} were asked for, {left} are left{when}",
        path=Field.QUANTITY,
        hint=f"Order at most {left}{other}." if left > ZERO_ENERGY else "Discover again for other offers.",
    )
