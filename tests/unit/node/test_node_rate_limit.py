"""How many messages a peer may send: leases of a shared count, and each process alone without it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from node import rate_limit
from node.buckets import Buckets, Terms
from node.rate_limit import Lease, PeerRates, RateExceeded, RatesUnavailable

NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)
PEER = "bap.example"


class Count:
    """A shared count in memory, which several processes would ask; it can be out of reach."""

    def __init__(self) -> None:
        self.leases = 0
        self.is_away = False
        self._buckets = Buckets()

    async def lease(self, subscriber_id: str, terms: Terms, *, wanted: int, now: datetime) -> Lease:
        await asyncio.sleep(0)
        if self.is_away:
            raise RatesUnavailable("away")
        self.leases += 1
        for granted in range(wanted):
            if pause := self._buckets.take(subscriber_id, terms, now=now):
                return Lease(granted, 1 - pause * terms.per_second)
        return Lease(wanted, 0)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def let_in(rates: PeerRates, tries: int, *, peer: str = PEER, now: datetime = NOW) -> int:
    """Return how many of so many messages at once are let in."""
    results = await asyncio.gather(*(rates.take(peer, now=now) for _ in range(tries)), return_exceptions=True)
    assert all(result is None or isinstance(result, RateExceeded) for result in results)
    return results.count(None)


async def test_without_a_bound_everything_comes_in_and_nothing_is_counted() -> None:
    count = Count()
    assert await let_in(PeerRates(0, shared=count), 1_000) == 1_000
    assert count.leases == 0


@pytest.mark.parametrize("is_shared", [False, True])
async def test_a_peer_sends_a_seconds_worth_at_once_and_then_waits(*, is_shared: bool) -> None:
    rates = PeerRates(2, shared=Count() if is_shared else None)
    assert await let_in(rates, 5) == 2
    assert await let_in(rates, 1, peer="other.example") == 1
    assert await let_in(rates, 5, now=after(0.5)) == 1
    assert await let_in(rates, 9, now=after(60)) == 2


@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize(("per_second", "seconds"), [(0.1, 10), (0.3, 4), (1, 1), (50, 1)])
async def test_a_refusal_says_how_long_to_wait(per_second: float, seconds: int, *, is_shared: bool) -> None:
    rates = PeerRates(per_second, shared=Count() if is_shared else None)
    with pytest.raises(RateExceeded) as caught:  # noqa: PT012  one of them is refused
        for _ in range(51):
            await rates.take(PEER, now=NOW)
    refusal = caught.value
    assert (refusal.http_status, refusal.retryable, refusal.retry_after) == (429, True, seconds)
    await rates.take(PEER, now=after(seconds))


async def test_processes_that_share_a_count_let_no_more_in_together() -> None:
    count = Count()
    processes = [PeerRates(100, shared=count) for _ in range(4)]
    assert sum([await let_in(process, 60) for process in processes]) == 100


async def test_most_messages_are_let_in_without_asking() -> None:
    count = Count()
    assert await let_in(PeerRates(1_000, shared=count), 1_000) == 1_000
    assert count.leases == 10  # each for a tenth of a second's worth


async def test_whoever_floods_is_refused_without_asking() -> None:
    count = Count()
    rates = PeerRates(1, shared=count)
    assert await let_in(rates, 1) == 1
    assert await let_in(rates, 500) == 0
    assert count.leases == 2
    assert await let_in(rates, 500, now=after(0.9)) == 0
    assert count.leases == 2


async def test_without_the_shared_count_a_process_counts_for_itself_for_a_while() -> None:
    count = Count()
    count.is_away = True
    rates = PeerRates(2, shared=count)
    assert await let_in(rates, 5) == 2
    count.is_away = False
    assert await let_in(rates, 5, now=after(1)) == 2
    assert count.leases == 0  # it does not ask again at once
    assert await let_in(rates, 5, now=after(6)) == 2
    assert count.leases > 0


async def test_a_peer_may_have_a_bound_of_its_own() -> None:
    rates = PeerRates(1, own_rates=({"fast.example": 5, "free.example": 0}.get,))
    assert await let_in(rates, 9, peer="fast.example") == 5
    assert await let_in(rates, 9, peer="free.example") == 9
    assert await let_in(rates, 9) == 1


async def test_what_is_held_for_peers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MOST_NAMES", 2)
    count = Count()
    rates = PeerRates(20, shared=count)
    for name in ("a", "b", "c", "a"):  # the first was forgotten, and what it held is lost to it
        await rates.take(name, now=NOW)
    assert count.leases == 4
