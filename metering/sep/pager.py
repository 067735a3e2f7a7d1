"""Walking a list of a 2030.5 server page by page, and knowing whether all of it was seen.

What servers do: the default of `l` is 1; a page is shorter than was asked for; `s` is ignored and the
first page comes again; pages overlap; the list grows or shrinks during the walk; `all` is not what
comes. A walk therefore counts different entries, moves on by what came, stops where nothing new comes,
and says that it failed where the count is not `all`: a failed walk is done again, never believed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from kernel.errors import NodeError

T = TypeVar("T")

GREATEST_PAGE: Final = 255
"""`results` is one octet in the older of the two schemas."""
MAX_ENTRIES: Final = 1_000_000
_WALKS: Final = 3


class ListUnsteady(NodeError):
    """A list could not be read whole: it changed during the walk, or is not as long as it says."""

    code, http_status, retryable = "METER_LIST_UNSTEADY", 502, True


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some entries of a list, each with what tells it apart, and how many there are in all.

    `values` are all of the page, whatever was on an earlier one too; `url` and `raw` are where it was
    and the very bytes. `is_last`: with this page as many different entries were seen as there are.
    """

    entries: Sequence[tuple[Hashable, T]]
    total: int | None
    values: Sequence[T] = ()
    url: str = ""
    raw: bytes = b""
    etag: str | None = None
    is_last: bool = False

    @property
    def is_whole(self) -> bool:
        """Say whether the page is all of its list."""
        return self.total == len(self.entries)


FetchPage = Callable[[int, int], Awaitable[Page[T]]]
"""Returns the page from the entry with this index on (`s`), of at most so many (`l`)."""


async def walk(fetch: FetchPage[T], *, limit: int = GREATEST_PAGE) -> AsyncIterator[Page[T]]:
    """Yield the pages of a list, each with what was not on an earlier one.

    Raises: ListUnsteady, at once when the list changes, and at the end if it is not as long as it says.
    """
    seen: set[Hashable] = set()
    start, total = 0, None
    while True:
        page = await fetch(start, limit)
        if start and page.total != total:
            raise ListUnsteady(f"the list had {total} entries, and then {page.total}")
        total = page.total
        new = dict(entry for entry in page.entries if entry[0] not in seen)
        seen.update(new)
        done = total is not None and len(seen) >= total
        if new:
            yield replace(page, entries=tuple(new.items()), is_last=done and len(seen) == total)
        if done or not new:
            break
        start += len(page.entries)
        if len(seen) > MAX_ENTRIES:
            raise ListUnsteady(f"the list does not end after {MAX_ENTRIES} entries")
    if total is not None and len(seen) != total:
        raise ListUnsteady(f"the list says that it has {total} entries, and {len(seen)} came")


async def collect(fetch: FetchPage[T], *, limit: int = GREATEST_PAGE) -> list[T]:
    """Return all entries of a list in its order. Raises: ListUnsteady, after three walks that failed."""
    found: list[T] = []

    async def keep(page: Page[T]) -> None:
        found.extend(value for _, value in page.entries)

    await each_page(fetch, keep, restart=found.clear, limit=limit)
    return found


async def each_page(
    fetch: FetchPage[T],
    handle: Callable[[Page[T]], Awaitable[None]],
    *,
    restart: Callable[[], None],
    limit: int = GREATEST_PAGE,
) -> None:
    """Hand every page to `handle`; a walk that fails is done again, after `restart`.

    Raises: ListUnsteady, after three walks that failed.
    """
    for walks_left in reversed(range(_WALKS)):
        restart()
        try:
            async for page in walk(fetch, limit=limit):
                await handle(page)
        except ListUnsteady:
            if not walks_left:
                raise
        else:
            return
