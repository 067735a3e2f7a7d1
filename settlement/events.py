"""What happened to the cycles and bills of a contract: a chain, in which each event seals the one before.

An event's hash is over its own fields and the hash of the event before it. So nobody can change one
without all that follow, and whoever kept the last hash sees it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import RowMapping, insert, select

from kernel.clock import utc
from settlement.tables import settlement_events
from storage.many_rows import write_rows
from storage.unit_of_work import UnitOfWork

ENGINE: Final = "settlement"
"""Who acts where no person does."""
ISSUED: Final = "ISSUED"
"""What happens to a bill first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A cycle or a bill that goes from one status to another; from none, where it begins to be."""

    subject: str
    event: str
    old_status: str | None
    new_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementEvent:
    """A change on record: the contract's `number`th, counted from 1, and its seal."""

    contract_id: str
    number: int
    change: Change
    actor: str
    reason: str
    at: datetime
    hash: str


def seal(event: SettlementEvent, *, previous: str) -> str:
    """Return the SHA-256 over the event and the hash of the one before; that of the first is empty."""
    change = event.change
    fields = [
        previous,
        event.contract_id,
        event.number,
        change.subject,
        change.event,
        change.old_status,
        change.new_status,
        event.actor,
        event.reason,
        event.at.isoformat(),
    ]
    return sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


def find_broken(events: Iterable[SettlementEvent]) -> SettlementEvent | None:
    """Return the first of a contract's events, in order, that does not go on from the one before it."""
    previous = ""
    for number, event in enumerate(events, start=1):
        if event.number != number or event.hash != seal(event, previous=previous):
            return event
        previous = event.hash
    return None


async def record_changes(
    contract_id: str,
    changes: Sequence[Change],
    *,
    uow: UnitOfWork,
    now: datetime,
    reason: str,
    actor: str = ENGINE,
) -> None:
    """Put the changes of a contract on record, after those that are there; its account has to be locked."""
    last = (
        select(settlement_events.c.number, settlement_events.c.hash)
        .where(settlement_events.c.contract_id == contract_id)
        .order_by(settlement_events.c.number.desc())
        .limit(1)
    )
    found = (await uow.connection.execute(last)).one_or_none()
    number, previous = (found.number, found.hash) if found else (0, "")
    unsealed = (
        SettlementEvent(
            contract_id=contract_id,
            number=following,
            change=change,
            actor=actor,
            reason=reason,
            at=utc(now),
            hash="",
        )
        for following, change in enumerate(changes, start=number + 1)
    )
    rows = map(_row, _sealed(unsealed, previous=previous))
    await write_rows(uow.connection, insert(settlement_events), rows)


async def find_events(contract_id: str, *, uow: UnitOfWork) -> list[SettlementEvent]:
    """Return what happened to the contract's cycles and bills, in order."""
    query = (
        select(settlement_events)
        .where(settlement_events.c.contract_id == contract_id)
        .order_by(settlement_events.c.number)
    )
    return [_event(row) for row in (await uow.connection.execute(query)).mappings()]


def _sealed(events: Iterable[SettlementEvent], *, previous: str) -> Iterator[SettlementEvent]:
    for event in events:
        previous = seal(event, previous=previous)
        yield replace(event, hash=previous)


def _row(event: SettlementEvent) -> dict[str, Any]:
    change = event.change
    return {
        "contract_id": event.contract_id,
        "number": event.number,
        "subject": change.subject,
        "event": change.event,
        "old_status": change.old_status,
        "new_status": change.new_status,
        "actor": event.actor,
        "reason": event.reason,
        "at": event.at,
        "hash": event.hash,
    }


def _event(row: RowMapping) -> SettlementEvent:
    return SettlementEvent(
        contract_id=row["contract_id"],
        number=row["number"],
        change=Change(
            subject=row["subject"],
            event=row["event"],
            old_status=row["old_status"],
            new_status=row["new_status"],
        ),
        actor=row["actor"],
        reason=row["reason"],
        at=row["at"].astimezone(UTC),
        hash=row["hash"],
    )
