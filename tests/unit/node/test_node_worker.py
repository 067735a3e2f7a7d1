"""A worker works while there is work, sleeps, wakes, and survives."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from node.worker import Worker

NEVER = timedelta(hours=1)


class Steps:
    """Counts its calls; says that there was something to do, fails, or waits, as it is told."""

    def __init__(self, *results: bool | Exception) -> None:
        self.results = list(results)
        self.calls = 0
        self.called = asyncio.Condition()

    async def __call__(self) -> bool:
        async with self.called:
            self.calls += 1
            self.called.notify_all()
        result = self.results.pop(0) if self.results else False
        if isinstance(result, Exception):
            raise result
        return result

    async def reach(self, calls: int) -> None:
        async with asyncio.timeout(20), self.called:
            await self.called.wait_for(lambda: self.calls >= calls)


async def test_it_goes_on_while_there_is_something_to_do_and_then_waits() -> None:
    steps = Steps(True, True)
    worker = Worker("test", steps, poll_interval=NEVER)
    worker.start()
    await steps.reach(3)
    await asyncio.sleep(0.01)
    assert steps.calls == 3
    await worker.stop()


async def test_it_looks_again_when_it_is_woken() -> None:
    steps = Steps()
    worker = Worker("test", steps, poll_interval=NEVER)
    worker.start()
    await steps.reach(1)
    worker.wake()
    await steps.reach(2)
    worker.wake("payload")
    await steps.reach(3)
    await worker.stop()


async def test_it_looks_for_itself_now_and_then() -> None:
    steps = Steps()
    worker = Worker("test", steps, poll_interval=timedelta(milliseconds=1))
    worker.start()
    await steps.reach(5)
    await worker.stop()


async def test_what_wakes_it_during_a_step_is_not_missed() -> None:
    steps = Steps()
    worker = Worker("test", steps, poll_interval=NEVER)
    busy = asyncio.Event()

    async def step() -> bool:
        done = await steps()
        if steps.calls == 1:
            worker.wake()
            await busy.wait()
        return done

    worker = Worker("test", step, poll_interval=NEVER)
    worker.start()
    await steps.reach(1)
    busy.set()
    await steps.reach(2)
    await worker.stop()


async def test_an_error_does_not_end_it() -> None:
    steps = Steps(RuntimeError("broken"), True)
    worker = Worker("test", steps, poll_interval=timedelta(milliseconds=1))
    worker.start()
    await steps.reach(3)
    await worker.stop()


async def test_stopping_waits_for_the_step_at_hand() -> None:
    finished = []
    started = asyncio.Event()

    async def step() -> bool:
        started.set()
        await asyncio.sleep(0.02)
        finished.append(True)
        return True

    worker = Worker("test", step, poll_interval=NEVER)
    worker.start()
    await started.wait()
    await worker.stop()
    assert finished == [True]


async def test_stopping_what_never_started_does_nothing() -> None:
    await Worker("test", Steps(), poll_interval=NEVER).stop()
