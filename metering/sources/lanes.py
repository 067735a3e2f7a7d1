"""Several meters taken in at a time, so that what one unit of work keeps is prepared while another is kept.

What is of one meter keeps its order: it is always in the same lane, and a lane takes one thing after another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Final
from zlib import crc32

from metering.sources.ports import Batch, Found
from metering.sources.taking import Taken

_LANES: Final = 2
_GROUPS: Final = 2
"""So many groups are under way: a lane that is done with one begins the next."""

_Lanes = Sequence[asyncio.Lock]
TakeAll = Callable[[Sequence[Found]], Awaitable[list[Taken]]]
"""Takes in what was found, and returns what became of each, in its order."""


async def take_in_lanes(take_all: TakeAll, groups: AsyncIterator[list[Found]]) -> AsyncGenerator[list[Taken]]:
    """Yield what became of each group, in their order. Raises: what the groups raise; ImportInterrupted.

    Where the source breaks off, what was found before is taken in first.
    """
    lanes = [asyncio.Lock() for _ in range(_LANES)]
    under_way: deque[asyncio.Task[list[Taken]]] = deque()
    broken: Exception | None = None
    try:
        while True:
            try:
                group = await anext(groups, None)
            except Exception as error:  # noqa: BLE001  it is raised again
                broken = error
                break
            if group is None:
                break
            under_way.append(asyncio.create_task(_take(take_all, group, lanes)))
            if len(under_way) == _GROUPS:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
        if broken is not None:
            raise broken
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _take(take_all: TakeAll, group: Sequence[Found], lanes: _Lanes) -> list[Taken]:
    places: list[list[int]] = [[] for _ in lanes]
    for place, found in enumerate(group):
        places[_lane_of(found)].append(place)
    taken = await asyncio.gather(
        *(
            _take_lane(take_all, [group[place] for place in of_lane], lane)
            for of_lane, lane in zip(places, lanes, strict=True)
        ),
        return_exceptions=True,
    )
    outcomes: dict[int, Taken] = {}
    for of_lane, done in zip(places, taken, strict=True):
        if isinstance(done, BaseException):
            raise done
        outcomes.update(zip(of_lane, done, strict=True))
    return [outcomes[place] for place in range(len(group))]


async def _take_lane(take_all: TakeAll, group: Sequence[Found], lane: asyncio.Lock) -> list[Taken]:
    async with lane:  # whoever asked first gets it first
        return await take_all(group)


def _lane_of(found: Found) -> int:
    return crc32(found.document.mrid.encode()) % _LANES if isinstance(found, Batch) else 0
