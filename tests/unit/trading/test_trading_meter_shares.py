"""Shares of a meter: how much of it is free, and what cannot be served beside what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kernel.interval import Interval
from trading.fields import Field
from trading.meter_shares import MeterShare, most_taken, require_share
from trading.refusals import MeterSharedOtherwise, ShareUnavailable

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(first: int, last: int) -> Interval:
    return Interval(NOON + first * HOUR, NOON + last * HOUR)


def share(percent: str | None, first: int, last: int) -> MeterShare:
    exact = None if percent is None else Decimal(percent)
    return MeterShare(mrid="AA", window=hours(first, last), percent=exact)


@pytest.mark.parametrize(
    ("others", "most"),
    [
        ([], "0"),
        ([("60", 0, 4)], "60"),
        ([("60", 0, 2), ("60", 2, 4)], "60"),  # they only touch
        ([("60", 0, 3), ("39.5", 2, 4)], "99.5"),
        ([("60", -5, 0), ("30", 4, 9)], "0"),  # outside of the window
        ([("60", -5, 1), ("30", 3, 9)], "60"),
    ],
)
def test_the_most_that_is_taken_is_that_of_one_instant(others: list[tuple[str, int, int]], most: str) -> None:
    shares = [share(*each) for each in others]
    assert most_taken(hours(0, 4), shares) == Decimal(most)
    assert most_taken(hours(0, 4), shares[::-1]) == Decimal(most)


def test_shares_of_all_of_a_meter_are_let_pass_and_a_millionth_more_is_not() -> None:
    others = [share("33.333333", 0, 4), share("33.333333", 0, 4)]
    require_share(share("33.333334", 0, 4), others)
    with pytest.raises(ShareUnavailable, match=r"33\.333335 % .* 33\.333334 % are left") as refused:
        require_share(share("33.333335", 0, 4), others)
    assert (refused.value.code, refused.value.path) == ("BIZ_QUANTITY_UNAVAILABLE", Field.OFFER)


def test_first_in_first_out_and_fixed_shares_are_not_served_at_one_time() -> None:
    with pytest.raises(MeterSharedOtherwise, match="in the order in which they bought"):
        require_share(share("10", 0, 4), [share(None, 3, 9)])
    with pytest.raises(MeterSharedOtherwise, match="by fixed shares"):
        require_share(share(None, 0, 4), [share("10", 3, 9)])
    require_share(share(None, 0, 4), [share(None, 0, 4)])
