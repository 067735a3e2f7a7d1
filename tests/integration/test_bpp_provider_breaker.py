"""Who is silent again and again is left alone for a while by all processes; then one question tries."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bpp.provider.breaker import MOST_SILENCES, Breaker, Door
from storage.unit_of_work import UnitOfWorkFactory

NOW = datetime(2026, 1, 9, 8, tzinfo=UTC)
REST = timedelta(seconds=30)


def of(uow_factory: UnitOfWorkFactory, office: str = "valley", door: Door = Door.QUESTIONS) -> Breaker:
    return Breaker(office=office, door=door, rest=REST, uow_factory=uow_factory)


@pytest.fixture
def breaker(uow_factory: UnitOfWorkFactory) -> Breaker:
    return of(uow_factory)


async def silence(breaker: Breaker) -> None:
    told = [await breaker.missed(NOW) for _ in range(MOST_SILENCES)]
    assert told == [False, False, True]


async def test_somebody_is_asked_until_it_was_silent_often_enough(breaker: Breaker) -> None:
    for _ in range(MOST_SILENCES):
        assert await breaker.lets_through(NOW)
        assert not await breaker.rests(NOW)
        await breaker.missed(NOW)
    assert not await breaker.lets_through(NOW)
    assert await breaker.rests(NOW)


async def test_an_answer_in_between_is_forgiving(breaker: Breaker) -> None:
    for _ in range(MOST_SILENCES):
        await breaker.missed(NOW)
        await breaker.heard()
    assert await breaker.lets_through(NOW)


async def test_a_rest_is_kept_by_all_processes_and_only_at_its_own_door(
    breaker: Breaker, uow_factory: UnitOfWorkFactory
) -> None:
    await silence(breaker)
    assert not await of(uow_factory).lets_through(NOW)
    assert await of(uow_factory, door=Door.EVENTS).lets_through(NOW)
    assert await of(uow_factory, office="hill").lets_through(NOW)


async def test_after_the_rest_one_question_of_all_processes_tries_alone(
    breaker: Breaker, uow_factory: UnitOfWorkFactory
) -> None:
    await silence(breaker)
    assert not await breaker.lets_through(NOW + REST - timedelta(seconds=1))
    assert not await breaker.rests(NOW + REST)
    processes = [of(uow_factory) for _ in range(5)]
    passed = await asyncio.gather(*(each.lets_through(NOW + REST) for each in processes))
    assert passed.count(True) == 1
    assert await breaker.rests(NOW + REST)


async def test_an_answer_ends_the_rest(breaker: Breaker) -> None:
    await silence(breaker)
    assert await breaker.lets_through(NOW + REST)
    await breaker.heard()
    assert all([await breaker.lets_through(NOW + REST) for _ in range(5)])


async def test_another_silence_begins_another_rest(breaker: Breaker) -> None:
    await silence(breaker)
    later = NOW + REST + timedelta(seconds=5)
    assert await breaker.lets_through(NOW + REST)
    assert not await breaker.missed(later)  # told before
    assert not await breaker.lets_through(later + REST - timedelta(seconds=1))
    assert await breaker.lets_through(later + REST)


async def test_a_trial_that_nobody_hears_of_is_followed_by_another(breaker: Breaker) -> None:
    await silence(breaker)
    assert await breaker.lets_through(NOW + REST)
    assert await breaker.lets_through(NOW + 2 * REST)
