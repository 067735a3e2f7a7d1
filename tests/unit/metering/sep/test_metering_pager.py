"""Walking lists of servers that page as they please."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from metering.sep.pager import ListUnsteady, Page, collect, walk

ENTRIES = list(range(10))


@dataclass
class Server:
    """Serves `entries` in pages of at most `cap`, and remembers what it was asked."""

    entries: Sequence[int] = tuple(ENTRIES)
    cap: int = 4
    total: Callable[[int], int | None] = lambda _start: 10
    first: Callable[[int], int] = lambda start: start
    asked: list[tuple[int, int]] = field(default_factory=list)

    async def fetch(self, start: int, limit: int) -> Page[int]:
        self.asked.append((start, limit))
        first = self.first(start)
        page = self.entries[first : first + min(limit, self.cap)]
        return Page(entries=[(entry, entry) for entry in page], total=self.total(start))


async def test_l_is_always_said_because_its_default_is_one() -> None:
    server = Server(cap=255)
    assert await collect(server.fetch) == ENTRIES
    assert server.asked == [(0, 255)]


async def test_a_server_that_caps_l_is_asked_on_from_what_came() -> None:
    server = Server(cap=4)
    assert await collect(server.fetch) == ENTRIES
    assert server.asked == [(0, 255), (4, 255), (8, 255)]


async def test_a_page_that_is_short_in_the_middle_is_not_the_end() -> None:
    server = Server(cap=3)
    assert await collect(server.fetch, limit=8) == ENTRIES


async def test_pages_that_overlap_give_each_entry_once() -> None:
    server = Server(cap=4, first=lambda start: max(start - 2, 0))
    assert await collect(server.fetch) == ENTRIES


async def test_entries_of_an_earlier_page_are_no_news() -> None:
    server = Server(cap=4, first=lambda start: max(start - 1, 0))
    pages = [[key for key, _ in page.entries] async for page in walk(server.fetch)]
    assert [key for page in pages for key in page] == ENTRIES


async def test_a_list_whose_all_changes_during_the_walk_is_read_again() -> None:
    totals = iter([10, 11, 10, 10, 10])
    server = Server(total=lambda _start: next(totals))
    assert await collect(server.fetch) == ENTRIES
    assert [start for start, _ in server.asked] == [0, 4, 0, 4, 8]


async def test_a_list_that_never_comes_to_rest_is_given_up() -> None:
    growing = iter(range(10, 1000))
    server = Server(total=lambda _start: next(growing))
    with pytest.raises(ListUnsteady, match="had 14 entries, and then 15"):
        await collect(server.fetch)


@pytest.mark.parametrize("said", [9, 11])
async def test_an_all_that_is_not_what_comes_is_no_data(said: int) -> None:
    server = Server(total=lambda _start: said)
    with pytest.raises(ListUnsteady, match=f"{said} entries"):
        await collect(server.fetch)


async def test_results_of_zero_before_all_have_come_is_no_data() -> None:
    server = Server(entries=ENTRIES[:4])
    with pytest.raises(ListUnsteady, match="10 entries, and 4 came"):
        await collect(server.fetch)


async def test_a_server_that_ignores_s_does_not_keep_us_for_ever() -> None:
    server = Server(first=lambda _start: 0)
    with pytest.raises(ListUnsteady, match="10 entries, and 4 came"):
        await collect(server.fetch)
    assert len(server.asked) == 6


async def test_an_empty_list_is_empty() -> None:
    server = Server(entries=(), total=lambda _start: 0)
    assert await collect(server.fetch) == []
    assert len(server.asked) == 1


async def test_without_all_a_list_ends_where_nothing_new_comes() -> None:
    server = Server(total=lambda _start: None)
    assert await collect(server.fetch) == ENTRIES


async def test_the_page_that_completes_the_list_says_so() -> None:
    server = Server()
    assert [page.is_last async for page in walk(server.fetch)] == [False, False, True]


async def test_no_page_of_a_list_that_says_too_little_is_its_last() -> None:
    server = Server(total=lambda _start: 6)
    pages = walk(server.fetch)
    assert not (await anext(pages)).is_last
    assert not (await anext(pages)).is_last
    with pytest.raises(ListUnsteady, match="6 entries, and 8 came"):
        await anext(pages)
