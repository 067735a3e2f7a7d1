"""Long work leaves the event loop free; short work is not worth the way."""

from __future__ import annotations

import asyncio
import threading

import pytest

from kernel.long_work import FEW, beside_loop

LONGEST = 60  # s, which no test ever waits


async def test_short_work_is_done_at_once() -> None:
    assert await beside_loop(threading.get_ident, items=FEW) == threading.get_ident()


async def test_while_long_work_is_under_way_others_have_their_turn() -> None:
    is_under_way, others_were_answered = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def long() -> bool:
        loop.call_soon_threadsafe(is_under_way.set)
        return others_were_answered.wait(LONGEST)

    done = asyncio.ensure_future(beside_loop(long, items=FEW + 1))
    await is_under_way.wait()
    others_were_answered.set()
    assert await done


async def test_what_goes_wrong_in_long_work_is_told_to_who_waits_for_it() -> None:
    with pytest.raises(ZeroDivisionError):
        await beside_loop(lambda: 1 // 0, items=FEW + 1)
