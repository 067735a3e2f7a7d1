"""What holds for every history of keys."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from keystore.key_set import KeySet, KeyState, choose, next_key_id, turning_points
from tests.support.key_sets import NOW, unsealed

hours = st.integers(-50, 50).map(lambda count: NOW + timedelta(hours=count))


@st.composite
def key_sets(draw: st.DrawFn) -> list[KeySet]:
    """Return sets with any windows, some revoked, some known to the registry."""
    sets = []
    for number in range(draw(st.integers(0, 6))):
        start = draw(hours)
        changes: dict[str, Any] = {"valid_from": start, "created_at": draw(hours)}
        if draw(st.booleans()):
            changes["valid_until"] = start + timedelta(hours=draw(st.integers(0, 40)))
        if draw(st.booleans()):
            changes |= {"announced_at": NOW, "announced_revision": 1}
        if draw(st.integers(0, 3)) == 0:
            changes |= {"revoked_at": NOW, "revoked_why": "lost"}
        sets.append(unsealed(f"k{number}", **changes))
    return sets


@given(key_sets(), hours)
def test_only_a_valid_set_signs_and_none_only_where_none_is_valid(sets: list[KeySet], now: Any) -> None:
    valid = [each for each in sets if each.state(now) is KeyState.VALID]
    chosen = choose(sets, now)
    assert (chosen in valid) if valid else chosen is None


@given(key_sets(), hours)
def test_no_valid_set_that_the_registry_knows_is_newer_than_the_one_that_signs(
    sets: list[KeySet], now: Any
) -> None:
    chosen = choose(sets, now)
    known = [each for each in sets if each.announced_at and each.state(now) is KeyState.VALID]
    if known:
        assert chosen in known
        assert chosen is not None
        assert all(each.valid_from <= chosen.valid_from for each in known)


@given(key_sets())
def test_between_two_turning_points_the_same_set_signs(sets: list[KeySet]) -> None:
    points = [NOW - timedelta(days=9), *turning_points(sets), NOW + timedelta(days=9)]
    for start, end in pairwise(points):
        assert choose(sets, start) == choose(sets, end - timedelta(microseconds=1)) or start == end


@given(st.lists(st.from_regex(r"[a-z]{0,2}[0-9]{0,3}", fullmatch=True).filter(bool), min_size=1))
def test_the_next_name_is_free(taken: list[str]) -> None:
    assert next_key_id(taken) not in taken
