"""Selling from the newest version of the catalogue: read at the start, and whenever it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from bpp.catalog.versions import CatalogueVersions, Version
from bpp.catalog_file.reader import catalogue_of
from bpp.platform import Bpp
from bpp.publishing.publications import Scope
from bpp.publishing.publisher import publish_job
from storage.job_queue import put_job
from storage.unit_of_work import UnitOfWorkFactory

log = structlog.get_logger(__name__)

_ITSELF: Final = "the node itself"


class CatalogueWatch:
    """Keeps a platform's catalogue at the newest version, and has that published to `publish_to`.

    `on_taken` is called whenever another one is sold from.
    """

    def __init__(
        self,
        bpp: Bpp,
        *,
        uow_factory: UnitOfWorkFactory,
        publish_to: Sequence[str] = (),
        on_taken: Callable[[], None] = lambda: None,
    ) -> None:
        self._bpp = bpp
        self._uow_factory = uow_factory
        self._publish_to = tuple(publish_to)
        self._on_taken = on_taken
        self._number = 0
        self._one_at_a_time = asyncio.Lock()

    async def step(self) -> bool:
        """Take the newest version, unless it is the one at hand; return False: there is nothing more to do.

        A large catalogue is read off the event loop; until it is, the one before is sold from.
        """
        async with self._one_at_a_time:
            async with self._uow_factory() as uow:
                versions = CatalogueVersions(uow.connection)
                if await versions.latest_number() == self._number:
                    return False
                version = await versions.current()
                for peer in self._publish_to:
                    await put_job(uow, publish_job(peer, Scope.CHANGES, requested_by=_ITSELF))
            if version is not None:
                await self._take(version)
        return False

    async def _take(self, version: Version) -> None:
        catalogue = await asyncio.to_thread(catalogue_of, version.document, name="the catalogue")
        self._bpp.sell_from(catalogue)
        self._on_taken()
        self._number = version.head.number
        log.info("catalogue.taken", version=self._number, resources=len(catalogue.resources))
