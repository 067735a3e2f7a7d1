"""Contracts that are to be looked at because something is known of their meters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from kernel.mrid import canonical_mrid
from storage.unit_of_work import Transaction

_MARK_DUE: Final = """
    UPDATE contracts SET refresh_at = LEAST(refresh_at, $2)
    WHERE id IN (
        SELECT id FROM contracts
        WHERE refresh_at IS NOT NULL AND confirmed_at IS NOT NULL
          AND (source_mrid = ANY($1::text[]) OR target_mrid = ANY($1::text[]))
        ORDER BY id FOR UPDATE)
"""


async def mark_due(transaction: Transaction, meters: Iterable[str], *, at: datetime) -> int:
    """Have every binding contract that still counts on one of `meters` looked at from `at` on.

    `meters` are mRIDs in any spelling. Returns how many contracts that are.
    """
    mrids = sorted({canonical_mrid(meter, lenient=True) for meter in meters})
    status = await transaction.driver.execute(_MARK_DUE, mrids, at)
    return int(status.removeprefix("UPDATE "))
