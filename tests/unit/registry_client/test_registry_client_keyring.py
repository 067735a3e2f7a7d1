"""The key ring: one question per key, answers kept as long as they hold and not a moment longer."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from kernel.clock import ManualClock
from protocol.errors import KeyExpired, KeyUnknown, RegistryUnavailable, SubscriberUnknown
from registry_client.key_times import LookupBounds
from registry_client.ports import Wanted
from registry_client.subscriber import SubscriberRecord, SubscriberRole, SubscriberStatus
from tests.support.keyrings import MINUTE, TIMES, BusyDirectory, ask, ring_of
from tests.support.subscribers import BPP, DOMAIN, NOW, CountingDirectory, record


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


async def test_a_key_is_asked_for_once_and_then_at_hand(clock: ManualClock) -> None:
    known = record()
    directory = CountingDirectory(known)
    ring = ring_of(directory, clock)
    assert ring.cached(BPP, "k1", NOW) is None
    assert await ask(ring) == known
    assert ring.cached(BPP, "k1", NOW) == known
    assert await ask(ring) == known
    assert len(directory.questions) == 1


async def test_an_answer_is_asked_for_anew_when_its_time_is_over(clock: ManualClock) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, clock)
    await ask(ring)
    changed = record()
    directory.replace(changed)
    clock.advance(10 * MINUTE - timedelta(microseconds=1))
    assert await ask(ring) != changed
    clock.advance(timedelta(microseconds=1))
    assert ring.cached(BPP, "k1", clock.now()) is None
    assert await ask(ring) == changed


async def test_fifty_at_once_are_one_question(clock: ManualClock) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, clock)
    records = await asyncio.gather(*(ask(ring) for _ in range(50)))
    assert len({id(found) for found in records}) == len(directory.questions) == 1


async def test_a_cancelled_first_message_costs_the_others_nothing(clock: ManualClock) -> None:
    known = record()
    directory = CountingDirectory(known)
    ring = ring_of(directory, clock)
    first, second = (asyncio.create_task(ask(ring)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == known
    assert len(directory.questions) == 1


async def test_a_hundred_strangers_with_twenty_messages_are_a_hundred_questions(clock: ManualClock) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, clock)
    outcomes = await asyncio.gather(
        *(ask(ring, subscriber=f"stranger-{number % 100}") for number in range(2_000)),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in outcomes} == {SubscriberUnknown}
    assert len(directory.questions) == 100


async def test_a_stranger_is_remembered_briefly(clock: ManualClock) -> None:
    directory = CountingDirectory()
    ring = ring_of(directory, clock)
    for _ in range(3):
        with pytest.raises(SubscriberUnknown, match=BPP) as refusal:
            await ask(ring)
        assert refusal.value.hint
    assert len(directory.questions) == 1
    newcomer = record()
    directory.replace(newcomer)
    clock.advance(timedelta(seconds=30))
    assert await ask(ring) == newcomer


async def test_a_stranger_with_ever_new_keys_is_asked_for_once(clock: ManualClock) -> None:
    directory = CountingDirectory()
    ring = ring_of(directory, clock)
    for number in range(20):
        with pytest.raises(SubscriberUnknown):
            await ask(ring, f"k{number}")
    assert len(directory.questions) == 1


async def test_a_new_key_of_somebody_who_is_known_is_found_at_once(clock: ManualClock) -> None:
    directory = CountingDirectory(record("k1"))
    ring = ring_of(directory, clock)
    await ask(ring, "k1")
    directory.replace(record("k1"), renewed := record("k2"))
    assert await ask(ring, "k2") == renewed


async def test_where_a_directory_knows_single_keys_a_stranger_is_asked_for_with_each(
    clock: ManualClock,
) -> None:
    class ByKey(CountingDirectory):
        finds_every_key = False

    directory = ByKey()
    ring = ring_of(directory, clock)
    for key_id in ("k1", "k1", "k2"):
        with pytest.raises(SubscriberUnknown):
            await ask(ring, key_id)
    assert len(directory.questions) == 2


async def test_so_many_look_ups_at_a_time_and_no_more(clock: ManualClock) -> None:
    directory = BusyDirectory()
    ring = ring_of(directory, clock, bounds=LookupBounds(at_a_time=3, max_waiting=10))
    outcomes = await asyncio.gather(
        *(ask(ring, subscriber=f"stranger-{number}") for number in range(50)), return_exceptions=True
    )
    assert directory.most_at_a_time == 3
    assert Counter(map(type, outcomes)) == {SubscriberUnknown: 13, RegistryUnavailable: 37}
    assert {outcome.retryable for outcome in outcomes if isinstance(outcome, RegistryUnavailable)} == {True}


async def test_a_flood_of_strangers_keeps_no_friend_waiting(clock: ManualClock) -> None:
    directory = BusyDirectory(record())
    ring = ring_of(directory, clock, bounds=LookupBounds(at_a_time=1, max_waiting=100))
    await ask(ring)
    clock.advance(10 * MINUTE)
    directory.gate.clear()
    flood = [asyncio.create_task(ask(ring, subscriber=f"stranger-{number}")) for number in range(50)]
    friend = asyncio.create_task(ask(ring, at=clock.now()))
    await directory.wait_for(2, of=BPP)
    assert directory.most_at_a_time == 2  # a stranger's and the friend's
    directory.gate.set()
    assert await friend
    await asyncio.gather(*flood, return_exceptions=True)


async def test_each_refusal_is_an_error_of_its_own(clock: ManualClock) -> None:
    ring = ring_of(CountingDirectory(), clock)
    outcomes = await asyncio.gather(*(ask(ring) for _ in range(3)), return_exceptions=True)
    assert len({id(outcome) for outcome in outcomes}) == 3


async def test_an_unknown_key_is_told_from_an_unknown_subscriber(clock: ManualClock) -> None:
    ring = ring_of(CountingDirectory(record("k2"), record("k3")), clock)
    with pytest.raises(KeyUnknown) as refusal:
        await ask(ring, "k1")
    assert refusal.value.hint == "Its keys are 'k2', 'k3'."


async def test_only_a_few_of_many_keys_are_named(clock: ManualClock) -> None:
    ring = ring_of(CountingDirectory(*(record(f"k{number}") for number in range(2, 9))), clock)
    with pytest.raises(KeyUnknown) as refusal:
        await ask(ring, "k1")
    assert refusal.value.hint == "Its keys are 'k2', 'k3', 'k4', 'k5', 'k6' and 2 more."


async def test_records_of_others_are_not_believed(clock: ManualClock) -> None:
    class Confused(CountingDirectory):
        async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
            return [record(key_id, subscriber_id=f"not-{subscriber_id}")]

    with pytest.raises(SubscriberUnknown):
        await ask(ring_of(Confused(), clock))


async def test_a_key_that_has_ended_is_refused_with_the_reason(clock: ManualClock) -> None:
    ring = ring_of(CountingDirectory(record(valid_until=NOW)), clock)
    with pytest.raises(KeyExpired, match="ended at 2026-01-09T10:00:00Z"):
        await ask(ring)


async def test_a_key_is_refused_before_its_time_and_taken_from_then_on(clock: ManualClock) -> None:
    directory = CountingDirectory(record(valid_from=NOW + timedelta(seconds=10)))
    ring = ring_of(directory, clock)
    with pytest.raises(KeyExpired, match="valid only from"):
        await ask(ring)
    assert await ask(ring, at=clock.advance(timedelta(seconds=10)))


async def test_a_key_of_somebody_who_left_is_refused(clock: ManualClock) -> None:
    ring = ring_of(CountingDirectory(record(status=SubscriberStatus.UNSUBSCRIBED)), clock)
    with pytest.raises(KeyExpired, match="stands as UNSUBSCRIBED"):
        await ask(ring)


async def test_validity_is_judged_at_the_instant_asked_for(clock: ManualClock) -> None:
    known = record(valid_from=NOW - MINUTE, valid_until=NOW + MINUTE)
    ring = ring_of(CountingDirectory(known), clock)
    assert await ask(ring, at=NOW - MINUTE) == known
    for outside in (NOW - 2 * MINUTE, NOW + MINUTE):
        assert ring.cached(BPP, "k1", outside) is None
        with pytest.raises(KeyExpired):
            await ask(ring, at=outside)


async def test_no_answer_outlives_the_key(clock: ManualClock) -> None:
    directory = CountingDirectory(record(valid_until=NOW + MINUTE))
    ring = ring_of(directory, clock)
    await ask(ring)
    renewed = record(valid_until=NOW + timedelta(days=1))
    directory.replace(renewed)
    clock.advance(MINUTE)
    assert await ask(ring, at=clock.now()) == renewed


async def test_the_newest_of_overlapping_records_wins(clock: ManualClock) -> None:
    older, newer = record(), record(valid_from=NOW - MINUTE)
    ring = ring_of(CountingDirectory(older, newer), clock)
    assert await ask(ring) == newer
    assert await ask(ring, at=NOW - 2 * MINUTE) == older


async def test_a_registry_that_is_down_means_cached_keys_and_then_a_refusal(clock: ManualClock) -> None:
    known = record()
    directory = CountingDirectory(known)
    ring = ring_of(directory, clock, times=replace(TIMES, grace=timedelta()))
    await ask(ring)
    directory.is_open = False
    clock.advance(9 * MINUTE)
    assert await ask(ring, at=clock.now()) == known
    clock.advance(MINUTE)
    for _ in range(2):
        with pytest.raises(RegistryUnavailable) as refusal:
            await ask(ring, at=clock.now())
    assert refusal.value.retryable
    directory.is_open = True
    assert await ask(ring, at=clock.now()) == known


async def test_a_key_that_was_withdrawn_is_no_longer_cached(clock: ManualClock) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, clock)
    await ask(ring)
    directory.replace()
    clock.advance(10 * MINUTE)
    with pytest.raises(SubscriberUnknown):
        await ask(ring)
    assert ring.cached(BPP, "k1", NOW) is None


async def test_memory_is_bounded_and_strangers_push_out_no_friend(clock: ManualClock) -> None:
    directory = CountingDirectory(*(record(f"k{number}") for number in range(4)))
    ring = ring_of(directory, clock, max_entries=3)
    for number in range(4):
        await ask(ring, f"k{number}")
    assert [bool(ring.cached(BPP, f"k{number}", NOW)) for number in range(4)] == [False, True, True, True]
    for number in range(10):
        with pytest.raises(SubscriberUnknown):
            await ask(ring, subscriber=f"stranger-{number}")
    assert ring.cached(BPP, "k1", NOW)
    assert len(ring._refused) == len(ring._strangers) == 3


async def test_an_endpoint_is_found_once_and_kept(clock: ManualClock) -> None:
    directory = CountingDirectory(record())
    ring = ring_of(directory, clock)
    urls = await asyncio.gather(*(ring.endpoint_of(BPP, SubscriberRole.BPP) for _ in range(5)))
    assert set(urls) == {"https://bpp.example.com/beckn"}
    assert await ring.endpoint_of(BPP, SubscriberRole.BPP) == urls[0]
    assert len(directory.questions) == 1
    clock.advance(10 * MINUTE)
    await ring.endpoint_of(BPP, SubscriberRole.BPP)
    assert len(directory.questions) == 2


async def test_an_endpoint_is_not_kept_beyond_the_subscription(clock: ManualClock) -> None:
    ring = ring_of(CountingDirectory(record(valid_until=NOW + MINUTE)), clock)
    assert await ring.endpoint_of(BPP, SubscriberRole.BPP)
    clock.advance(MINUTE)
    with pytest.raises(SubscriberUnknown):
        await ring.endpoint_of(BPP, SubscriberRole.BPP)


@pytest.mark.parametrize("url", [None, "ftp://bpp.example.com", "bpp.example.com"])
async def test_an_endpoint_must_speak_http(clock: ManualClock, url: str | None) -> None:
    with pytest.raises(SubscriberUnknown, match="http URL"):
        await ring_of(CountingDirectory(record(url=url)), clock).endpoint_of(BPP, SubscriberRole.BPP)


async def test_the_newest_record_says_where_and_one_without_a_start_is_the_oldest(
    clock: ManualClock,
) -> None:
    moved = record("k2", url="https://new.example.com", valid_from=NOW - MINUTE)
    ring = ring_of(CountingDirectory(record("k1"), moved, record("k3")), clock)
    assert await ring.endpoint_of(BPP, SubscriberRole.BPP) == moved.url


async def test_nobody_has_an_endpoint_in_a_role_that_is_not_theirs(clock: ManualClock) -> None:
    with pytest.raises(SubscriberUnknown, match="no BAP"):
        await ring_of(CountingDirectory(record()), clock).endpoint_of(BPP, SubscriberRole.BAP)


async def test_only_the_valid_are_found(clock: ManualClock) -> None:
    valid, ended = record("k1"), record("k2", valid_until=NOW)
    ring = ring_of(CountingDirectory(valid, ended), clock)
    assert await ring.find(Wanted(role=SubscriberRole.BPP, domain=DOMAIN)) == [valid]
    assert await ring.find(Wanted(subscriber_id="nobody")) == []
