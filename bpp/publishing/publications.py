"""What was published to discovery services and what they made of it, within one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from bpp.tables import publication_results, publications
from protocol.actions import Action
from protocol.errors import WireError
from storage.tables import OutboxState, outbox
from trading.publication import Notice, PublicationResult, ResultStatus


class Scope(StrEnum):
    """What of a catalogue a publication told."""

    WHOLE = "whole"
    CHANGES = "changes"
    UNKNOWN = "unknown"  # other software wrote it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A publication as it was sent; `version` is the catalogue's, None where other software wrote it."""

    message_id: str
    peer: str
    profile: str
    version: int | None
    scope: Scope
    requested_by: str
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A publication with what is known of it: how its delivery stands, and what came of it."""

    sent: Sent
    delivery: str
    delivery_error: str | None
    answered_at: datetime | None
    refusal: Mapping[str, Any] | None
    results: tuple[PublicationResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVersions:
    """The newest version that was `told`, None if none, and those that were sent since, with that one.

    What was sent may be on its way, or have arrived without an answer. What arrived last was sent at
    `told_at`.
    """

    told: int | None
    sent: tuple[int, ...]
    told_at: datetime | None = None


class Publications:
    """The publications within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, sent: Sent) -> None:
        """Keep what is about to be sent; once, however often it is put."""
        statement = upsert(publications).values(**asdict(sent) | {"scope": sent.scope.value})
        await self._connection.execute(statement.on_conflict_do_nothing())

    async def was_sent(self, message_id: str, *, to: str) -> bool:
        """Say whether a publication of that id went to the discovery service `to`."""
        query = select(publications.c.peer).where(publications.c.message_id == message_id)
        return (await self._connection.execute(query)).scalar_one_or_none() == to

    async def record_results(
        self, message_id: str, results: Iterable[PublicationResult], *, now: datetime
    ) -> None:
        """Keep what came of each catalogue; what is told again stands instead."""
        for result in results:
            told = {
                "status": result.status.value,
                "items": result.items,
                "errors": [asdict(notice) for notice in result.errors],
                "warnings": [asdict(notice) for notice in result.warnings],
            }
            statement = upsert(publication_results).values(
                message_id=message_id, catalogue_id=result.catalogue_id, **told
            )
            keys = [publication_results.c.message_id, publication_results.c.catalogue_id]
            await self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=told))
        await self._close(message_id, {"answered_at": now, "refusal": None})

    async def record_refusal(self, message_id: str, error: WireError, *, now: datetime) -> None:
        """Keep that the whole publication was refused."""
        await self._close(message_id, {"answered_at": now, "refusal": error.to_wire()})

    async def lock(self, peer: str) -> None:
        """Let nobody else publish to `peer` until the transaction ends: versions are sent in their order."""
        key = func.hashtextextended(f"publishing:{peer}", 0)
        await self._connection.execute(select(func.pg_advisory_xact_lock(key)))

    async def known_to(self, peer: str, *, profile: str) -> KnownVersions:
        """Return the versions that `peer` may know of, in the generation `profile`.

        What was sent in another since then may stand instead: nothing from before counts.
        """
        of_peer = publications.c.peer == peer
        other = (
            select(func.max(publications.c.published_at))
            .join(outbox, self._of_outbox)
            .where(of_peer, publications.c.profile != profile)
            .scalar_subquery()
        )
        is_of_peer = (
            of_peer
            & (publications.c.profile == profile)
            & (other.is_(None) | (publications.c.published_at > other))
        )
        arrived = (outbox.c.state == OutboxState.DELIVERED.value) & publications.c.refusal.is_(None)
        newest = select(func.max(publications.c.version), func.max(publications.c.published_at))
        of_newest = newest.join(outbox, self._of_outbox).where(is_of_peer, arrived)
        told, told_at = (await self._connection.execute(of_newest)).one()
        since = select(publications.c.version).where(is_of_peer, publications.c.version >= (told or 0))
        rows = await self._connection.execute(since.distinct().order_by(publications.c.version))
        return KnownVersions(told=told, sent=tuple(rows.scalars()), told_at=told_at)

    async def latest(self, *, limit: int, peer: str | None = None) -> list[Kept]:
        """Return the publications, the newest first, of one discovery service or of all."""
        query = (
            select(publications, outbox.c.state.label("delivery"), outbox.c.last_error)
            .outerjoin(outbox, self._of_outbox)
            .order_by(publications.c.published_at.desc(), publications.c.message_id)
            .limit(limit)
        )
        if peer is not None:
            query = query.where(publications.c.peer == peer)
        rows = (await self._connection.execute(query)).all()
        results = await self._results_of([row.message_id for row in rows])
        return [_kept(row, results.get(row.message_id, [])) for row in rows]

    @property
    def _of_outbox(self) -> ColumnElement[bool]:
        """What finds a publication's message in the outbox."""
        is_publication = outbox.c.action == Action.CATALOG_PUBLISH.value
        return (publications.c.message_id == outbox.c.message_id) & is_publication

    async def _results_of(self, message_ids: Sequence[str]) -> dict[str, list[PublicationResult]]:
        table = publication_results
        query = select(table).where(table.c.message_id.in_(message_ids)).order_by(table.c.catalogue_id)
        found: dict[str, list[PublicationResult]] = {}
        for row in await self._connection.execute(query):
            found.setdefault(row.message_id, []).append(
                PublicationResult(
                    catalogue_id=row.catalogue_id,
                    status=ResultStatus(row.status),
                    items=row.items,
                    errors=tuple(Notice(**notice) for notice in row.errors),
                    warnings=tuple(Notice(**notice) for notice in row.warnings),
                )
            )
        return found

    async def _close(self, message_id: str, values: Mapping[str, Any]) -> None:
        await self._connection.execute(
            update(publications).where(publications.c.message_id == message_id).values(**values)
        )


def _kept(row: Row[Any], results: Sequence[PublicationResult]) -> Kept:
    return Kept(
        sent=Sent(
            message_id=row.message_id,
            peer=row.peer,
            profile=row.profile,
            version=row.version,
            scope=Scope(row.scope),
            requested_by=row.requested_by,
            published_at=row.published_at,
        ),
        delivery=row.delivery or "not sent",
        delivery_error=row.last_error,
        answered_at=row.answered_at,
        refusal=row.refusal,
        results=tuple(results),
    )
