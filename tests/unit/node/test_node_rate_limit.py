"""How many messages a peer may send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from node import rate_limit
from node.rate_limit import RateExceeded, RateLimit

NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)


def test_without_a_bound_everything_comes_in() -> None:
    limit = RateLimit(0)
    for _ in range(1_000):
        limit.take("bap.example", now=NOW)


def test_a_peer_sends_a_seconds_worth_at_once_and_then_waits() -> None:
    limit = RateLimit(2)
    limit.take("bap.example", now=NOW)
    limit.take("bap.example", now=NOW)
    with pytest.raises(RateExceeded) as caught:
        limit.take("bap.example", now=NOW)
    assert (caught.value.http_status, caught.value.retryable) == (429, True)
    limit.take("other.example", now=NOW)
    limit.take("bap.example", now=NOW + timedelta(seconds=0.5))


def test_less_than_one_a_second_still_lets_one_in() -> None:
    limit = RateLimit(0.1)
    limit.take("bap.example", now=NOW)
    with pytest.raises(RateExceeded):
        limit.take("bap.example", now=NOW + timedelta(seconds=5))
    limit.take("bap.example", now=NOW + timedelta(seconds=11))


def test_a_flood_of_strangers_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_MOST_PEERS", 2)
    limit = RateLimit(1)
    for name in ("a", "b", "c", "a"):  # the first was forgotten, so it has its second's worth again
        limit.take(name, now=NOW)


@pytest.mark.parametrize(("per_second", "seconds"), [(0, 1), (0.3, 4), (1, 1), (50, 1)])
def test_the_pause_brings_the_next_message(per_second: float, seconds: int) -> None:
    assert RateLimit(per_second).pause == seconds
