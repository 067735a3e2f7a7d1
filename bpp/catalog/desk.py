"""Making a new version of the catalogue: checked, put on stock, kept and announced in one unit of work.

What is held or sold stays so, and contracts keep their terms: they have frozen them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bpp.catalog.changes import Difference, Kind, difference
from bpp.catalog.document import Document, digest_of, write_document
from bpp.catalog.versions import CatalogueVersions, Origin, Version, VersionHead
from bpp.catalog_file.reader import catalogue_of
from kernel.errors import NodeError
from kernel.plain_text import one_line
from node.audit import Act, Actor, record_act
from storage.unit_of_work import UnitOfWork
from trading.availability.store import AvailabilityStore, Oversold
from trading.offer import Catalogue

CATALOGUE_CHANNEL: Final = "catalogue"
"""Where it is announced that there is a new version."""

Change = Callable[[Document | None], Document]
"""Returns the next document, given the current one; None if there was never one."""


class CatalogueChanged(NodeError):
    """The catalogue is not any more what the change was meant for."""

    code, http_status, retryable = "BPP_CATALOGUE_CHANGED", 412, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A change to the catalogue that somebody wants; only of the version `expected`, if that is said."""

    change: Change
    by: Actor
    why: str
    origin: Origin
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The version that holds now, and what became of the wish.

    `is_new` is False if nothing would have changed. Of the `oversold` more is held or sold than the
    catalogue offers now: nothing more can be had of them until enough is given back.
    """

    version: Version
    catalogue: Catalogue
    is_new: bool
    difference: Difference
    oversold: tuple[Oversold, ...]


async def change_catalogue(uow: UnitOfWork, wish: Wish, *, now: datetime) -> Outcome:
    """Make the version that is wished for; it holds if and when the unit of work commits.

    Raises: CatalogueInvalid, CatalogueChanged, and what the change raises.
    """
    versions = CatalogueVersions(uow.connection)
    await versions.lock()
    current = await versions.current()
    _require_expected(current, wish.expected)
    before = None if current is None else current.document
    document, catalogue, differs, written = await asyncio.to_thread(_made, wish.change, before)
    digest = digest_of(written)
    if current is not None and (current.head.digest == digest and wish.origin is not Origin.START):
        return Outcome(version=current, catalogue=catalogue, is_new=False, difference=differs, oversold=())
    head = VersionHead(
        number=(current.head.number if current else 0) + 1,
        catalogue_id=catalogue.id,
        digest=digest,
        origin=wish.origin,
        made_at=now,
        made_by=one_line(wish.by.who),
        why=one_line(wish.why),
    )
    await versions.add(head, written)
    availability = AvailabilityStore(uow.connection)
    await availability.put(catalogue.resources, closing=differs.removed[Kind.RESOURCE])
    await record_act(uow, _act(wish, head, current, differs), now=now)
    await uow.announce(CATALOGUE_CHANNEL, str(head.number))
    return Outcome(
        version=Version(head=head, document=document),
        catalogue=catalogue,
        is_new=True,
        difference=differs,
        oversold=tuple(await availability.oversold(now=now)),
    )


async def take_file(
    uow: UnitOfWork, document: Document, *, by: Actor, name: str, now: datetime
) -> Outcome | None:
    """Take the file that a node was started with, unless it was taken before and has not changed since.

    Returns None if there was nothing to do: what was made of it later holds.
    """
    versions = CatalogueVersions(uow.connection)
    await versions.lock()
    if await versions.started_with() == digest_of(write_document(document)):
        return None
    wish = Wish(change=lambda _: document, by=by, why=f"started with {name}", origin=Origin.START)
    return await change_catalogue(uow, wish, now=now)


def _made(change: Change, before: Document | None) -> tuple[Document, Catalogue, Difference, str]:
    """Return the next document, checked, with its text; of a large one that takes seconds."""
    document = change(before)
    catalogue = catalogue_of(document, name="the catalogue")
    return document, catalogue, difference(before, document), write_document(document)


def _require_expected(current: Version | None, expected: int | None) -> None:
    number = current.head.number if current else 0
    if expected is not None and expected != number:
        raise CatalogueChanged(
            f"the change is for version {expected} of the catalogue, and there is version {number}",
            path="header If-Match",
            hint="Get the catalogue, look at what has changed, and send the change for that version.",
        )


def _act(wish: Wish, head: VersionHead, current: Version | None, differs: Difference) -> Act:
    changes = {"added": differs.added, "changed": differs.changed, "removed": differs.removed}
    counts = {
        name: {kind.value: len(ids) for kind, ids in kinds.items() if ids} for name, kinds in changes.items()
    }
    return wish.by.act(
        "catalogue.changed",
        head.catalogue_id,
        before=None if current is None else {"version": current.head.number, "digest": current.head.digest},
        after={"version": head.number, "digest": head.digest, "origin": head.origin.value, **counts},
        why=head.why,
    )
