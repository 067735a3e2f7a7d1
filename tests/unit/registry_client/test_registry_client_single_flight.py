"""However many ask, one call is made, and nobody's impatience costs the others."""

from __future__ import annotations

import asyncio

import pytest

from registry_client.single_flight import SingleFlight


class Call:
    """A call that is held until it is let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.made = 0
        self.go = asyncio.Event()
        self._error = error

    async def __call__(self) -> int:
        self.made += 1
        await self.go.wait()
        if self._error is not None:
            raise self._error
        return self.made


async def test_fifty_waiters_share_one_call() -> None:
    flights, call = SingleFlight[str, int](), Call()
    waiters = [asyncio.create_task(flights.run("k", call)) for _ in range(50)]
    await asyncio.sleep(0)
    call.go.set()
    assert await asyncio.gather(*waiters) == [1] * 50
    assert await flights.run("k", call) == 2


async def test_other_keys_do_not_wait() -> None:
    flights, held, free = SingleFlight[str, int](), Call(), Call()
    waiter = asyncio.create_task(flights.run("held", held))
    free.go.set()
    assert await flights.run("free", free) == 1
    held.go.set()
    await waiter


async def test_a_cancelled_leader_leaves_the_call_to_the_others() -> None:
    flights, call = SingleFlight[str, int](), Call()
    leader, follower = (asyncio.create_task(flights.run("k", call)) for _ in range(2))
    await asyncio.sleep(0)
    leader.cancel()
    await asyncio.sleep(0)
    call.go.set()
    assert await follower == 1
    assert leader.cancelled()
    assert call.made == 1


async def test_an_error_reaches_every_waiter_and_is_not_kept() -> None:
    flights, call = SingleFlight[str, int](), Call(error=OSError("no"))
    waiters = [asyncio.create_task(flights.run("k", call)) for _ in range(3)]
    await asyncio.sleep(0)
    call.go.set()
    outcomes = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OSError] * 3
    with pytest.raises(OSError, match="no"):
        await flights.run("k", call)
    assert call.made == 2


async def test_an_error_that_nobody_waits_for_is_no_complaint(caplog: pytest.LogCaptureFixture) -> None:
    flights, call = SingleFlight[str, int](), Call(error=OSError("no"))
    waiter = asyncio.create_task(flights.run("k", call))
    await asyncio.sleep(0)
    waiter.cancel()
    call.go.set()
    await asyncio.sleep(0.01)
    assert caplog.records == []


async def test_a_cancelled_call_does_not_block_its_key() -> None:
    flights = SingleFlight[str, int]()

    async def give_up() -> int:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await flights.run("k", give_up)
    call = Call()
    call.go.set()
    assert await flights.run("k", call) == 1


async def test_a_call_that_was_abandoned_is_shared_with_nobody_new() -> None:
    flights, call = SingleFlight[str, int](), Call()
    early = asyncio.create_task(flights.run("k", call))
    await asyncio.sleep(0)
    flights.abandon("k")
    late = asyncio.create_task(flights.run("k", call))
    await asyncio.sleep(0)
    latest = asyncio.create_task(flights.run("k", call))
    await asyncio.sleep(0)
    assert call.made == 2
    call.go.set()
    assert await asyncio.gather(early, late, latest)
    flights.abandon("nothing under way")
