"""`degnode bench discover`: a search among very many items, as a seller's platform answers it.

The reference is the same search in plain PostgreSQL, with an index for each criterion, on one connection
and one core, in the same run. Both must find the same.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import asyncpg
import psutil

from bpp.showcase.goods import Goods
from bpp.showcase.showcase import Showcase
from degnode.bench.marketplace import START, Query, make_marketplace, make_queries
from degnode.bench.postgres_search import PostgresSearch
from kernel.energy import Energy
from storage.embedded import start_embedded
from trading.mapping import wire_of
from trading.offer import Catalogue

_WIRE: Final = wire_of("v2_rc")
_MIB: Final = 2**20
_SOLD_EVERY: Final = 97
"""Of every so many things, some of one is sold: it is told with what is left."""
_BORDER: Final = 0.01
"""The ellipsoid and haversine's sphere differ by less than this share of a distance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverReport:
    """How long searches took, in seconds; memory in MiB; `differing` counts what one side alone found."""

    items: int
    found: int
    first_seconds: float
    engine: Sequence[float]
    reference: Sequence[float]
    memory: float
    differing: int

    def engine_at(self, share: float) -> float:
        """Return how long the search took that so much of all were not slower than."""
        return _at(self.engine, share)

    def reference_at(self, share: float) -> float:
        """Return the same of the reference."""
        return _at(self.reference, share)

    @property
    def ratio(self) -> float:
        """The 95th percentile as a multiple of PostgreSQL's."""
        return self.engine_at(0.95) / self.reference_at(0.95)


async def bench_discover(
    *, items: int, queries: int, seed: int, tell: Callable[[str], None]
) -> DiscoverReport:
    """Run the benchmark; `tell` hears how far it has come."""
    tell(f"{items:,} items are made")
    catalogue = make_marketplace(items, seed=seed)
    asked = list(make_queries(queries, seed=seed))
    left = {r.id: Energy(r.available.watt_hours // 2) for r in catalogue.resources[::_SOLD_EVERY]}
    gc.collect()
    before = psutil.Process().memory_info().rss
    seller = _Seller(catalogue, left)
    tell("the index is made, by the first search of each kind")
    first = [(await seller.search(query))[1] for query in asked[:2]]
    tell(f"{queries:,} searches")
    answers = [await seller.search(query) for query in asked]
    memory = (psutil.Process().memory_info().rss - before) / _MIB
    tell("the same in PostgreSQL")
    references, reference_seconds = await _ask_postgres(catalogue, left, asked)
    told = zip(answers, references, asked, strict=True)
    return DiscoverReport(
        items=items,
        found=sum(len(found) for found, _ in answers),
        first_seconds=sum(first),
        engine=[seconds for _, seconds in answers],
        reference=reference_seconds,
        memory=memory,
        differing=sum(_differing(ours, theirs, query) for (ours, _), theirs, query in told),
    )


class _Seller:
    """A seller's platform without its socket: what is left, the search, the message that answers it."""

    def __init__(self, catalogue: Catalogue, left: Mapping[str, Energy]) -> None:
        self._catalogue = catalogue
        self._left = left
        self._showcase = Showcase()

    async def search(self, query: Query) -> tuple[set[str], float]:
        """Return what is found, and how many seconds it took until it was written."""
        started = perf_counter()
        found = await self._showcase.find(
            self._catalogue, query.criteria, wire=_WIRE, left=self._left, now=START
        )
        _WIRE.write_catalog(found.listing, bpp_id="bpp.example.local", bpp_url="https://bpp.example.local")
        seconds = perf_counter() - started
        return {resource.id for resource in found.listing.resources}, seconds


async def _ask_postgres(
    catalogue: Catalogue, left: Mapping[str, Energy], asked: Sequence[Query]
) -> tuple[list[dict[str, float]], list[float]]:
    """Return what is found, also a little beyond the circle, and how many seconds it took within it."""
    goods = Goods(catalogue)
    items = goods.items(_WIRE, goods.on_sale(left, now=START, sells_past=False))
    with TemporaryDirectory(prefix="degnode-bench-") as folder:
        server = await asyncio.to_thread(start_embedded, Path(folder) / "postgres")
        try:
            connection = await asyncpg.connect(server.get_uri())
            try:
                reference = PostgresSearch(connection)
                await reference.fill(catalogue.resources, map(items.written, range(len(items))))
                for query in asked[:2]:
                    await reference.search(query, metres=query.metres)
                seconds = [(await reference.search(query, metres=query.metres))[1] for query in asked]
                wide = [await reference.search(q, metres=q.metres * (1 + _BORDER)) for q in asked]
                return [found for found, _ in wide], seconds
            finally:
                await connection.close()
        finally:
            server.cleanup()


def _differing(ours: set[str], theirs: Mapping[str, float], query: Query) -> int:
    """Return how many things one side alone found, but for those on the very border of the circle.

    `theirs` goes a little beyond it.
    """
    inner = {key for key, metres in theirs.items() if metres <= query.metres * (1 - _BORDER)}
    return len(inner - ours) + len(ours - set(theirs))


def _at(seconds: Sequence[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
