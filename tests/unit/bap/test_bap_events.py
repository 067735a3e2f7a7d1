"""The hub: nobody who waits misses what comes, and nobody is left waiting."""

from __future__ import annotations

import asyncio

import pytest

from bap.events import EventHub, Pulse


async def nothing() -> str | None:
    return None


async def test_news_of_a_transaction_wake_its_subscribers_and_those_of_all() -> None:
    hub = EventHub()
    with hub.subscribe("t-1") as mine, hub.subscribe("t-2") as another, hub.subscribe(None) as everything:
        hub.hear("t-1")
        assert await mine.wait(1)
        assert await everything.wait(1)
        assert not await another.wait(0.01)


async def test_news_that_came_before_the_wait_are_not_missed() -> None:
    hub = EventHub()
    with hub.subscribe("t-1") as subscription:
        hub.hear("t-1")
        hub.hear("t-1")
        assert await subscription.wait(1)
        assert not await subscription.wait(0.01)


async def test_an_announcement_without_a_name_wakes_everybody() -> None:
    hub = EventHub()
    with hub.subscribe("t-1") as one, hub.subscribe(None) as everything:
        hub.hear("")
        assert await one.wait(1)
        assert await everything.wait(1)


async def test_what_is_there_already_is_found_without_any_announcement() -> None:
    async def find() -> str | None:
        return "there"

    assert await EventHub().wait_for(find, transaction_id="t-1", seconds=1) == "there"


async def test_what_comes_between_looking_and_waiting_is_found() -> None:
    hub = EventHub()
    found: list[str] = []

    async def find() -> str | None:
        seen = found[0] if found else None
        if seen is None:  # it is put down just after it was looked for
            found.append("there")
            hub.hear("t-1")
        return seen

    assert await hub.wait_for(find, transaction_id="t-1", seconds=30) == "there"


async def test_an_announcement_that_is_lost_only_delays() -> None:
    looks = 0

    async def find() -> str | None:
        nonlocal looks
        looks += 1
        return "there" if looks == 2 else None

    assert await EventHub().wait_for(find, transaction_id="t-1", seconds=30) == "there"


async def test_waiting_ends_after_its_time_and_leaves_no_subscription() -> None:
    hub = EventHub()
    assert await hub.wait_for(nothing, transaction_id="t-1", seconds=0.01) is None
    assert hub.waiting == 0


async def test_a_closed_hub_ends_waits_under_way_and_those_to_come() -> None:
    hub = EventHub()
    waiting = asyncio.create_task(hub.wait_for(nothing, transaction_id="t-1", seconds=60))
    await asyncio.sleep(0)
    hub.close()
    assert await waiting is None
    assert await hub.wait_for(nothing, transaction_id="t-1", seconds=60) is None


async def test_a_failure_while_looking_leaves_no_subscription() -> None:
    hub = EventHub()

    async def find() -> str | None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        await hub.wait_for(find, transaction_id="t-1", seconds=1)
    assert hub.waiting == 0


async def test_a_stream_says_that_it_is_there_however_busy_others_are() -> None:
    hub = EventHub()
    with hub.subscribe(None) as everything:
        pulse, silent = Pulse(seconds=0.5), 0
        hub.hear("t-1")
        async with asyncio.timeout(5):
            while not await pulse.is_due(everything):
                silent += 1
                hub.hear("t-1")
                await asyncio.sleep(0.01)
        assert silent > 1
        hub.hear("t-1")
        assert not await pulse.is_due(everything)
