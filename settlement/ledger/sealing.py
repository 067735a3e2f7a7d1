"""How the journal's days are sealed: each after its end, once, in order.

Who writes into a day shares a lock on it, and who seals it takes that lock alone: so the seal waits for
all that is being written, and what comes later is told that the day is over. Writers of later days are
not kept waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import func, insert, select, text

from kernel.clock import utc
from protocol.signing import Signer
from settlement.ledger.chain import NO_SEAL, DaySummary, Seal, chain_hashes, summarise
from settlement.ledger.journal import DAY_LOCKS, Driver
from settlement.ledger.rows import Row
from settlement.ledger.tables import ledger_seals, ledger_transfers
from storage.unit_of_work import UnitOfWork

_A_DAY: Final = timedelta(days=1)
_CLOSER: Final = 0  # no day has this ordinal
_LOCK: Final = text("SELECT pg_advisory_xact_lock(:space, :day)")
_DIGESTS: Final = """
SELECT id, digest FROM ledger_transfers WHERE created_at >= $1 AND created_at < $2 ORDER BY seq
"""


async def seal_next_day(*, uow: UnitOfWork, signer: Signer, now: datetime) -> Seal | None:
    """Seal the first day that is not sealed and is over at `now`; None if there is none.

    Days without an entry are sealed too, from the first entry's on, so that none can be taken out.
    """
    await _take(_CLOSER, uow=uow)
    last = await find_last_seal(uow=uow)
    day = await _first_day(uow=uow) if last is None else last.summary.day + _A_DAY
    if day is None or utc(now).date() <= day:
        return None
    for each in (day - _A_DAY, day):  # before the first, one may still be writing
        await _take(each.toordinal(), uow=uow)
    previous = NO_SEAL if last is None else last.summary.digest
    rows = await uow.driver.fetch(_DIGESTS, *bounds_of(day))
    digests = [row["digest"] for row in rows]
    summary = summarise(day, previous=previous, digests=digests)
    seal = Seal(
        summary=summary,
        key_id=f"{signer.subscriber_id}|{signer.key_id}",
        signature=signer.private_key.sign(summary.signed_bytes),
        sealed_at=utc(now),
    )
    await _keep_chain(uow.driver, day, rows, chain_hashes(previous, digests))
    await uow.connection.execute(insert(ledger_seals).values(_row_of(seal)))
    return seal


async def find_last_seal(*, uow: UnitOfWork) -> Seal | None:
    """Return the newest seal."""
    query = select(ledger_seals).order_by(ledger_seals.c.day.desc()).limit(1)
    row = (await uow.connection.execute(query)).mappings().one_or_none()
    return None if row is None else seal_from(row)


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """Return when a day of the journal begins and ends."""
    start = datetime.combine(day, time(), UTC)
    return start, start + _A_DAY


def seal_from(row: Row) -> Seal:
    """Return the seal that a row holds."""
    return Seal(
        summary=DaySummary(
            day=row["day"],
            entries=row["entries"],
            previous=row["previous"],
            head=row["head"],
            root=row["root"],
        ),
        key_id=row["key_id"],
        signature=row["signature"],
        sealed_at=row["sealed_at"],
    )


async def _take(day: int, *, uow: UnitOfWork) -> None:
    await uow.connection.execute(_LOCK, {"space": DAY_LOCKS, "day": day})


async def _first_day(*, uow: UnitOfWork) -> date | None:
    query = select(func.min(ledger_transfers.c.created_at))
    first: datetime | None = (await uow.connection.execute(query)).scalar_one()
    return None if first is None else utc(first).date()


async def _keep_chain(driver: Driver, day: date, rows: Sequence[Row], hashes: Sequence[bytes]) -> None:
    await driver.copy_records_to_table(
        "ledger_chain",
        records=[
            (row["id"], day, place, link)
            for place, (row, link) in enumerate(zip(rows, hashes, strict=True), 1)
        ],
        columns=["transfer", "day", "place", "hash"],
    )


def _row_of(seal: Seal) -> dict[str, object]:
    return {
        "day": seal.summary.day,
        "entries": seal.summary.entries,
        "previous": seal.summary.previous,
        "head": seal.summary.head,
        "root": seal.summary.root,
        "key_id": seal.key_id,
        "signature": seal.signature,
        "sealed_at": seal.sealed_at,
    }
