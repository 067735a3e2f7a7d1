"""Contracts that are to be looked at because something is known of their meters, or their bills."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from kernel.interval import Interval
from kernel.mrid import canonical_mrid
from storage.unit_of_work import Transaction

_MARK_DUE: Final = """
    WITH revised AS (
        SELECT * FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) AS r (mrid, since, until)
    ), due AS (
        SELECT id FROM contracts
        WHERE refresh_at IS NOT NULL AND confirmed_at IS NOT NULL AND source_mrid = ANY($1::text[])
        UNION
        SELECT id FROM contracts
        WHERE refresh_at IS NOT NULL AND confirmed_at IS NOT NULL AND target_mrid = ANY($1::text[])
        UNION
        SELECT c.id FROM revised AS r JOIN contracts AS c ON c.source_mrid = r.mrid
        WHERE c.window_end > r.since AND c.window_start < r.until
          AND c.refresh_at IS NULL AND c.confirmed_at IS NOT NULL AND c.ended_at > c.window_start
        UNION
        SELECT c.id FROM revised AS r JOIN contracts AS c ON c.target_mrid = r.mrid
        WHERE c.window_end > r.since AND c.window_start < r.until
          AND c.refresh_at IS NULL AND c.confirmed_at IS NOT NULL AND c.ended_at > c.window_start
    )
    UPDATE contracts SET refresh_at = LEAST(refresh_at, $5)
    WHERE id IN (SELECT id FROM contracts WHERE id IN (SELECT id FROM due) ORDER BY id FOR UPDATE)
"""
"""One statement, so that whoever brings readings and whoever cuts take contracts in one order."""

_LOCK: Final = "SELECT id FROM contracts WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
_MARK_THESE_DUE: Final = "UPDATE contracts SET refresh_at = LEAST(refresh_at, $2) WHERE id = ANY($1::text[])"


async def lock_contracts(transaction: Transaction, contract_ids: Iterable[str]) -> None:
    """Keep others from these contracts until the transaction ends; do so before you move their bills."""
    await transaction.driver.execute(_LOCK, sorted(contract_ids))


async def mark_these_due(transaction: Transaction, contract_ids: Iterable[str], *, at: datetime) -> None:
    """Have these contracts, which are locked, looked at from `at` on, even those that are finished."""
    await transaction.driver.execute(_MARK_THESE_DUE, sorted(contract_ids), at)


async def mark_due(
    transaction: Transaction,
    meters: Iterable[str],
    *,
    revised: Iterable[tuple[str, Interval]] = (),
    at: datetime,
) -> int:
    """Have every binding contract that still counts on one of `meters` looked at from `at` on.

    So is one that is finished, if a meter's energy was `revised` in its window; one that was cancelled
    before its window began delivers nothing, whatever its meters tell. Meters are mRIDs in any spelling,
    those of `revised` each with the time over which it is known otherwise than before. Returns how many
    contracts that are.
    """
    mrids = sorted({canonical_mrid(meter, lenient=True) for meter in meters})
    rows = sorted({(canonical_mrid(meter, lenient=True), span.start, span.end) for meter, span in revised})
    places = ([row[place] for row in rows] for place in range(3))
    status = await transaction.driver.execute(_MARK_DUE, mrids, *places, at)
    return int(status.removeprefix("UPDATE "))
