"""Work that goes through many things: done beside the event loop, so that others are answered meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

FEW: Final = 500
"""Of so many things at most the work is done at once: handing it over would take longer."""


async def beside_loop(work: Callable[[], T], *, items: int) -> T:
    """Return what `work` returns, which goes through so many items and touches nothing of the loop's."""
    return work() if items <= FEW else await asyncio.to_thread(work)
