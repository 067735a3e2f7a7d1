"""How key sets stand, which one signs, and what the next is called."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from keystore.key_set import KeyState, choose, is_news, next_key_id, to_announce, turning_points
from tests.support.key_sets import HOUR, NOW, unsealed

ANNOUNCED: dict[str, Any] = {"announced_at": NOW, "announced_revision": 1}
REVOKED: dict[str, Any] = {"revoked_at": NOW, "revoked_why": "lost"}
TIMEOUT = timedelta(seconds=10)  # of a delivery


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, KeyState.VALID),
        ({"valid_from": NOW + HOUR}, KeyState.WAITING),
        ({"valid_until": NOW}, KeyState.EXPIRED),
        ({"valid_from": NOW - HOUR, "valid_until": NOW + HOUR}, KeyState.VALID),
        (REVOKED, KeyState.REVOKED),
        (REVOKED | {"valid_from": NOW + HOUR}, KeyState.REVOKED),
    ],
)
def test_a_set_counts_from_its_start_up_to_its_end_unless_it_was_revoked(
    changes: dict[str, Any], state: KeyState
) -> None:
    assert unsealed(**changes).state(NOW) is state


def test_a_set_of_no_length_never_counts() -> None:
    nothing = unsealed(valid_from=NOW, valid_until=NOW)
    assert not any(nothing.is_usable(NOW + step) for step in (HOUR * 0, HOUR))


@pytest.mark.parametrize(
    ("first", "second", "signs"),
    [
        (ANNOUNCED, {"valid_from": NOW - HOUR}, "k1"),
        ({}, {"valid_from": NOW - HOUR}, "k1"),
        ({"valid_from": NOW - HOUR}, {}, "k2"),
        ({"valid_from": NOW - HOUR} | ANNOUNCED, {}, "k1"),
        ({"valid_from": NOW - HOUR} | ANNOUNCED, ANNOUNCED, "k2"),
        ({"valid_from": NOW - HOUR} | ANNOUNCED, ANNOUNCED | {"valid_from": NOW + HOUR}, "k1"),
        (ANNOUNCED | {"valid_until": NOW}, {}, "k2"),
        (ANNOUNCED | REVOKED, {}, "k2"),
        (ANNOUNCED, ANNOUNCED | {"created_at": NOW + HOUR}, "k2"),
        (REVOKED, {"valid_from": NOW + HOUR}, None),
    ],
)
def test_the_newest_valid_set_that_the_registry_knows_signs(
    first: dict[str, Any], second: dict[str, Any], signs: str | None
) -> None:
    chosen = choose([unsealed("k1", **first), unsealed("k2", **second)], NOW)
    assert (chosen.key_id if chosen else None) == signs


@pytest.mark.parametrize(
    ("old", "seconds", "told"),
    [
        ({"valid_until": NOW + HOUR}, 14, ["k2"]),
        ({"valid_until": NOW + HOUR}, 15, ["k1", "k2"]),
        ({"valid_until": NOW + timedelta(seconds=4)}, 3, ["k2"]),
        ({"valid_until": NOW + timedelta(seconds=4)}, 4, ["k1", "k2"]),
        ({"valid_until": NOW + HOUR} | REVOKED, 0, ["k1", "k2"]),
    ],
)
def test_an_end_is_told_once_what_was_signed_before_has_arrived_or_it_is_there(
    old: dict[str, Any], seconds: int, told: list[str]
) -> None:
    old = ANNOUNCED | {"created_at": NOW - HOUR, "valid_from": NOW - HOUR, "revision": 2} | old
    sets = [unsealed("k1", **old), unsealed("k2")]
    due = to_announce(sets, NOW + timedelta(seconds=seconds), delivery_timeout=TIMEOUT)
    assert [each.key_id for each in due] == told
    everything = to_announce(sets, NOW, delivery_timeout=TIMEOUT, every=True)
    assert [each.key_id for each in everything] == ["k1", "k2"]


@pytest.mark.parametrize(("timeout", "told"), [(54, ["k1"]), (55, ["k1"]), (56, [])])
def test_an_end_waits_as_long_as_a_delivery_may_take(timeout: int, told: list[str]) -> None:
    sets = [unsealed("k1", **ANNOUNCED, valid_until=NOW + HOUR, revision=2)]
    now = NOW + timedelta(minutes=1)
    due = to_announce(sets, now, delivery_timeout=timedelta(seconds=timeout))
    assert [each.key_id for each in due] == told


def test_what_the_registry_knows_is_told_again_only_when_all_is() -> None:
    sets = [unsealed("k1", **ANNOUNCED), unsealed("k2", **REVOKED), unsealed("k3", **ANNOUNCED, revision=2)]
    due = to_announce(sets, NOW, delivery_timeout=TIMEOUT)
    assert [each.key_id for each in due] == ["k3"]
    due = to_announce(sets, NOW, delivery_timeout=TIMEOUT, every=True)
    assert [each.key_id for each in due] == ["k1", "k3"]
    assert to_announce([], NOW, delivery_timeout=TIMEOUT) == []


@pytest.mark.parametrize(
    ("first", "second", "seconds", "expected"),
    [
        ({}, {}, 0, False),  # this participant is known by other means, if at all
        (ANNOUNCED | REVOKED, {}, 0, True),
        (ANNOUNCED, ANNOUNCED, 59, True),
        (ANNOUNCED, ANNOUNCED, 60, False),
    ],
)
def test_a_key_is_news_until_the_registry_has_known_it_for_a_while(
    first: dict[str, Any], second: dict[str, Any], seconds: int, *, expected: bool
) -> None:
    sets = [unsealed("k1", **first), unsealed("k2", **second)]
    assert is_news(sets[1], sets, NOW + timedelta(seconds=seconds)) is expected


def test_nothing_signs_where_there_is_nothing() -> None:
    assert choose([], NOW) is None


def test_the_choice_may_change_at_starts_and_ends_only() -> None:
    sets = [unsealed(valid_until=NOW + HOUR), unsealed("k2", valid_from=NOW + HOUR)]
    assert list(turning_points(sets)) == [NOW, NOW + HOUR]


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, True),
        (REVOKED, False),
        ({"valid_until": NOW}, False),
        ({"valid_from": NOW + HOUR}, True),
        (ANNOUNCED, False),
        (ANNOUNCED | {"revision": 2}, True),
        (ANNOUNCED | REVOKED | {"revision": 2}, True),
    ],
)
def test_what_the_registry_does_not_know_as_it_is_must_be_announced(
    changes: dict[str, Any], *, due: bool
) -> None:
    assert unsealed(**changes).must_be_announced(NOW) is due


@pytest.mark.parametrize(
    ("taken", "following"),
    [
        ([], "k1"),
        (["k1"], "k2"),
        (["k1", "k10", "k9"], "k11"),
        (["main"], "main-2"),
        (["main", "main-2"], "main-3"),
        (["main", "k7"], "k8"),
        (["2026"], "2027"),
    ],
)
def test_the_next_set_has_the_next_number(taken: list[str], following: str) -> None:
    assert next_key_id(taken) == following
    assert following not in taken


def test_sealed_secrets_do_not_show() -> None:
    shown = repr(unsealed(sealed_signing_key=b"hush", sealed_encryption_key=b"hush"))
    assert "hush" not in shown
