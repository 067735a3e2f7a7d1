"""How much of a resource one platform may hold without buying it: so that nobody keeps it from others.

Rows are locked in the order in which orders come, so that everybody has a turn; but who holds and never
confirms could have all that there is, again and again. A resource may bound that, of each of its buckets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY, Energy
from trading.contract import Contract
from trading.fields import Field
from trading.refusals import QuantityUnavailable

_HELD: Final = text(
    """
    SELECT b.id, b.available_wh, coalesce(sum(p.watt_hours), 0)::bigint AS held_wh,
        min(h.expires_at) AS frees_at, coalesce((SELECT o.watt_hours FROM hold_parts AS o
            WHERE o.contract_id = :contract AND o.bucket_id = b.id), 0)::bigint AS own_wh,
        coalesce((SELECT sum(o.watt_hours) FROM hold_parts AS o
            WHERE o.contract_id = ANY(CAST(:own AS text[])) AND o.bucket_id = b.id), 0)::bigint AS all_own_wh
    FROM stock_buckets AS b LEFT JOIN (
        hold_parts AS p JOIN holds AS h ON h.contract_id = p.contract_id AND h.expires_at > :now
        JOIN contracts AS c ON c.id = h.contract_id AND c.bap_id = :bap_id
            AND c.id <> ALL(CAST(:own AS text[]))
    ) ON p.bucket_id = b.id
    WHERE b.id = ANY(CAST(:buckets AS bigint[])) GROUP BY b.id ORDER BY b.starts, b.id
    """
)
_PER_CENT: Final = 100


class TooMuchHeld(QuantityUnavailable):
    """One platform would hold more of a resource than it may without having bought it."""


async def require_fair(
    connection: AsyncConnection,
    contract: Contract,
    parts: Mapping[int, int],
    *,
    own: Sequence[str],
    taken: Mapping[int, int],
    most_percent: Decimal,
    now: datetime,
) -> None:
    """Raises: TooMuchHeld, if a platform would hold more than so many per cent of a bucket.

    `parts` is what the contract would hold of each; other contracts of its platform count that are held. Of
    those that are held anew together with it, `own`, there counts what is `taken` for them by now.
    What the contract holds already it may keep.
    """
    asked = {
        "now": now,
        "bap_id": contract.bap_id,
        "own": list(own),
        "contract": contract.id,
        "buckets": list(parts),
    }
    for row in await connection.execute(_HELD, asked):
        most = Energy(int(row.available_wh * most_percent / _PER_CENT))
        held = Energy(row.held_wh + taken.get(row.id, 0))
        kept = min(row.own_wh, row.all_own_wh - taken.get(row.id, 0))
        if parts[row.id] > kept and held + Energy(parts[row.id]) > most:
            raise TooMuchHeld(
                f"{contract.bap_id} would hold {held + Energy(parts[row.id])} of {contract.resource_id} "
                f"without having bought it, and nobody may hold more than {most} so",
                path=Field.QUANTITY,
                hint=_way_out(most - held, row.frees_at),
            )


def _way_out(left: Energy, frees_at: datetime | None) -> str:
    now = f"Order at most {left} now" if left > ZERO_ENERGY else "Confirm or cancel what is held"
    if frees_at is None:
        return f"{now}, and more once that is confirmed."
    return f"{now}, or ask again at {format_instant(frees_at)}, when the next hold lapses."
