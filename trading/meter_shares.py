"""Fixed shares of a producer's meter: who has which when, so that they are never more than all of it.

A share is taken while its contract is held, and once that is confirmed over the whole of its window. A meter
serves contracts either by fixed shares or first in, first out, never by both at one time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import ColumnElement, and_, literal_column, not_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from trading.delivery_records import share_from_record
from trading.fields import Field
from trading.lifecycle import ContractStatus
from trading.refusals import MeterSharedOtherwise, ShareUnavailable
from trading.tables import contracts
from trading.terms import WHOLE_PERCENT

_SHARE: Final[ColumnElement[str]] = literal_column("'share_percent'")
"""No parameter: so the index of contracts that have one is found."""
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('meter shares ' || :mrid, 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterShare:
    """What a contract has of its source's meter within a window; without `percent`, first in, first out."""

    mrid: str
    window: Interval
    percent: Decimal | None


async def lock_shares(connection: AsyncConnection, mrid: str) -> None:
    """Keep others from giving out shares of a meter until the transaction ends.

    Lock the contract before, and stock and accounts after it.
    """
    await connection.execute(_LOCK, {"mrid": mrid})


async def find_shares(
    connection: AsyncConnection, wanted: MeterShare, *, now: datetime, but: str | None = None
) -> list[MeterShare]:
    """Return what others have of the meter while `wanted` would hold, as far as it matters to it.

    Others are binding contracts and those that are held at `now`, all but the contract `but`. To one that is
    served first in, first out, only those matter that are not.
    """
    column = contracts.c
    held = and_(
        column.refresh_at.is_not(None),
        column.confirmed_at.is_(None),
        column.status == ContractStatus.PENDING.value,
        column.hold_until > now,
    )
    never_began = and_(
        column.status == ContractStatus.TERMINATED.value, column.ended_at <= column.window_start
    )
    query = select(
        column.window_start, column.window_end, column.terms["share_percent"].label("share")
    ).where(
        column.source_mrid == wanted.mrid,
        column.window_start < wanted.window.end,
        column.window_end > wanted.window.start,
        or_(and_(column.confirmed_at.is_not(None), not_(never_began)), held),
    )
    if but is not None:
        query = query.where(column.id != but)
    if wanted.percent is None:
        query = query.where(column.terms.has_key(_SHARE))
    rows = await connection.execute(query)
    return [
        MeterShare(
            mrid=wanted.mrid,
            window=Interval(row.window_start, row.window_end),
            percent=share_from_record({"share_percent": row.share}),
        )
        for row in rows
    ]


def require_share(wanted: MeterShare, others: Iterable[MeterShare]) -> None:
    """Let a contract pass if the meter can serve it beside the others.

    Raises: MeterSharedOtherwise, ShareUnavailable.
    """
    others = list(others)
    if any((other.percent is None) is not (wanted.percent is None) for other in others):
        raise MeterSharedOtherwise(
            "the seller's meter serves others in that window "
            + ("by fixed shares" if wanted.percent is None else "in the order in which they bought"),
            path=Field.TRADE_START,
            hint="Choose another window, or discover again for other offers.",
        )
    if wanted.percent is None:
        return
    free = WHOLE_PERCENT - most_taken(wanted.window, others)
    if wanted.percent > free:
        raise ShareUnavailable(
            f"{wanted.percent:f} % of the seller's meter were asked for, {free:f} % are left "
            "throughout the window",
            path=Field.OFFER,
            hint="Choose another window, or discover again for other offers.",
        )


def most_taken(window: Interval, shares: Iterable[MeterShare]) -> Decimal:
    """Return the most per cent of a meter that is taken at any one instant of `window`."""
    changes: list[tuple[datetime, Decimal]] = []
    for share in shares:
        start, end = max(share.window.start, window.start), min(share.window.end, window.end)
        if share.percent is not None and start < end:
            changes += [(start, share.percent), (end, -share.percent)]
    taken = most = Decimal(0)
    for _, change in sorted(changes):  # what ends at an instant ends before what begins at it
        taken += change
        most = max(most, taken)
    return most
