"""Every version of the catalogue that a platform ever sold from, within one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bpp.catalog.document import Document, read_document
from bpp.tables import catalog_versions
from kernel.errors import NodeError

_Kept = TypeVar("_Kept")


class VersionUnknown(NodeError):
    """There is no such version of the catalogue."""

    code, http_status, retryable = "BPP_CATALOGUE_VERSION_UNKNOWN", 404, False


def existing(kept: _Kept | None) -> _Kept:
    """Return what is kept of the catalogue that is sold from; None is nothing. Raises: VersionUnknown."""
    if kept is None:
        raise VersionUnknown(
            "there was never a catalogue here",
            hint="Put a whole one first, with its id and name, or run degnode catalog import.",
        )
    return kept


class Origin(StrEnum):
    """What made a version."""

    START = "start"  # the file that a node was started with
    IMPORT = "import"
    API = "api"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionHead:
    """Who made a version, when, why and from what; numbers rise by one."""

    number: int
    catalogue_id: str
    digest: str
    origin: Origin
    made_at: datetime
    made_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version with all that it says."""

    head: VersionHead
    document: Document


class CatalogueVersions:
    """The versions within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        """Let nobody else make a version until the transaction ends; reading goes on."""
        await self._connection.execute(text("LOCK TABLE catalog_versions IN SHARE ROW EXCLUSIVE MODE"))

    async def latest_number(self) -> int:
        """Return the number of the version that is sold from, nought if there was never one."""
        query = select(func.coalesce(func.max(catalog_versions.c.number), 0))
        return int((await self._connection.execute(query)).scalar_one())

    async def current(self) -> Version | None:
        """Return the version that is sold from, None if there was never one."""
        query = select(catalog_versions).order_by(catalog_versions.c.number.desc()).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _version(row)

    async def get_current(self) -> Version:
        """Raises: VersionUnknown, where there was never one."""
        return existing(await self.current())

    async def get(self, number: int) -> Version:
        """Raises: VersionUnknown."""
        query = select(catalog_versions).where(catalog_versions.c.number == number)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise VersionUnknown(
                f"there is no version {number} of the catalogue", hint="Look at its history."
            )
        return _version(row)

    async def started_with(self) -> str | None:
        """Return the digest of the file that a node took when it started, the last time it took one."""
        query = (
            select(catalog_versions.c.digest)
            .where(catalog_versions.c.origin == Origin.START.value)
            .order_by(catalog_versions.c.number.desc())
            .limit(1)
        )
        return (await self._connection.execute(query)).scalar_one_or_none()

    async def history(self, *, limit: int, before: int | None = None) -> list[VersionHead]:
        """Return the versions, the newest first; `before` is a number to go on below."""
        columns = [column for column in catalog_versions.c if column.name != "document"]
        query = select(*columns).order_by(catalog_versions.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(catalog_versions.c.number < before)
        return [_head(row) for row in await self._connection.execute(query)]

    async def add(self, head: VersionHead, text: str) -> None:
        """Keep a version with the text of its document; its number must be the next one."""
        values = {name: getattr(head, name) for name in VersionHead.__dataclass_fields__}
        values["origin"] = head.origin.value
        await self._connection.execute(insert(catalog_versions).values(**values, document=text))


def _version(row: Row[Any]) -> Version:
    return Version(head=_head(row), document=read_document(row.document))


def _head(row: Row[Any]) -> VersionHead:
    return VersionHead(
        number=row.number,
        catalogue_id=row.catalogue_id,
        digest=row.digest,
        origin=Origin(row.origin),
        made_at=row.made_at,
        made_by=row.made_by,
        why=row.why,
    )
