"""So many at a time, so many waiting, and not one more."""

from __future__ import annotations

import asyncio

import pytest

from protocol.errors import RegistryUnavailable
from registry_client.lane import Lane


async def test_who_finds_no_room_to_wait_is_told_to_come_back() -> None:
    lane, gate = Lane(places=1, max_waiting=1), asyncio.Event()
    under_way = 0

    async def pass_through() -> None:
        nonlocal under_way
        async with lane.place():
            under_way += 1
            await gate.wait()

    first, second = (asyncio.create_task(pass_through()) for _ in range(2))
    await asyncio.sleep(0)
    assert under_way == 1
    with pytest.raises(RegistryUnavailable) as refused:
        await pass_through()
    assert refused.value.retryable
    gate.set()
    await asyncio.gather(first, second)
    await pass_through()
    assert under_way == 3


async def test_who_gives_up_waiting_leaves_room() -> None:
    lane, gate = Lane(places=1, max_waiting=1), asyncio.Event()

    async def pass_through() -> None:
        async with lane.place():
            await gate.wait()

    first, impatient = (asyncio.create_task(pass_through()) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    patient = asyncio.create_task(pass_through())
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, patient)
