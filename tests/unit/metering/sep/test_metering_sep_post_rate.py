"""The pace of posts: each meter for itself, a little early is in order, and how long to wait is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from metering.sep.post_rate import PostPace, PostsTooOften
from tests.support.metering_documents import NOW

RATE = timedelta(seconds=300)


def test_a_meters_readings_have_to_wait_for_their_turn() -> None:
    pace = PostPace(RATE)
    pace.note("one", now=NOW)
    with pytest.raises(PostsTooOften) as caught:
        pace.check("one", now=NOW + timedelta(seconds=100, milliseconds=1))
    assert (caught.value.retry_after, caught.value.http_status, caught.value.reason_code) == (170, 429, 4)


def test_a_little_early_is_in_order_and_other_meters_have_turns_of_their_own() -> None:
    pace = PostPace(RATE)
    pace.note("one", now=NOW)
    pace.check("one", now=NOW + timedelta(seconds=270))
    pace.check("other", now=NOW)
