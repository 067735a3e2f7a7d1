"""How a subscription stands, as a registry tells it: of this key before the rest, asked before entered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from protocol.ed25519 import PrivateKey
from protocol.keys import write_public_key
from registry_client.standing import Standing
from registry_client.subscriber import SubscriberStatus

KEY = PrivateKey(bytes(32)).public_key
OTHER = PrivateKey(bytes([1] * 32)).public_key


def read(**content: Any) -> Standing:
    return Standing.from_wire({"subscriber_id": "bpp.example", **content}, key_id="k1", key=KEY)


def entry(status: str, key: Any = KEY, **more: Any) -> dict[str, Any]:
    return {"key_id": "k1", "status": status, "signing_public_key": write_public_key(key), **more}


def test_the_word_for_the_whole_counts_where_there_is_none_for_the_key() -> None:
    standing = read(status="under_subscription", since="2026-01-09T10:00:00Z", reason="busy", hint="wait")
    assert standing == Standing(
        status=SubscriberStatus.UNDER_SUBSCRIPTION,
        since=datetime(2026, 1, 9, 10, tzinfo=UTC),
        reason="busy",
        hint="wait",
    )


def test_the_word_for_the_key_goes_before_that_for_the_whole() -> None:
    assert read(status="SUBSCRIBED", keys=[entry("EXPIRED")]).status is SubscriberStatus.EXPIRED


def test_what_is_asked_for_is_told_before_what_stands() -> None:
    asked = entry("UNDER_SUBSCRIPTION", step="challenge", reason="cannot be reached")
    standing = read(status="SUBSCRIBED", keys=[entry("SUBSCRIBED")], requests=[asked])
    assert (standing.status, standing.reason) == (SubscriberStatus.UNDER_SUBSCRIPTION, "cannot be reached")
    assert not standing.is_over


def test_what_somebody_else_asks_for_under_the_same_name_is_not_ours() -> None:
    theirs = entry("UNDER_SUBSCRIPTION", key=OTHER, step="rejected")
    assert read(status="SUBSCRIBED", requests=[theirs], keys=[entry("SUBSCRIBED")]).is_in


@pytest.mark.parametrize(
    ("content", "is_over"),
    [
        ({"status": "UNDER_SUBSCRIPTION"}, False),
        ({"status": "INVALID_SSL"}, True),
        ({"requests": [entry("INVALID_SSL", step="check")]}, False),  # it tries again
        ({"requests": [entry("INVALID_SSL", step="failed")]}, True),
        ({"requests": [entry("UNDER_SUBSCRIPTION", step="rejected")]}, True),
        ({"requests": [entry("UNDER_SUBSCRIPTION", step="approval")]}, False),
        ({"status": "UNSUBSCRIBED"}, True),
    ],
)
def test_waiting_is_hopeless_only_where_the_registry_has_stopped(
    content: dict[str, Any], is_over: bool
) -> None:
    assert read(**content).is_over is is_over


def test_approval_is_known_as_what_is_missing() -> None:
    assert read(requests=[entry("UNDER_SUBSCRIPTION", step="approval")]).awaits_approval


@pytest.mark.parametrize(
    "content",
    [{"status": "PENDING"}, {"status": 5, "since": "yesterday", "reason": 3}, {"requests": [7, {}]}],
)
def test_what_nobody_knows_is_left_out_and_breaks_nothing(content: dict[str, Any]) -> None:
    assert read(**content) == Standing(status=None)
