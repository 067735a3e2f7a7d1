"""Where a sender wants its answer, judged before its message is kept; and how far a node goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from node.neighbours import check_neighbour
from node.settings import Settings
from protocol.actions import Action
from protocol.context import Context
from protocol.profile import V2_LTS, V2_RC, Profile
from registry_client.reach import DestinationRefused, Reach


def context(**changes: Any) -> Context:
    values: dict[str, Any] = {
        "action": "confirm",
        "domain": "beckn.one:deg:p2p-trading:2.0.0",
        "version": "2.0.0",
        "bap_id": "bap.example.com",
        "bap_uri": "https://bap.example.com/beckn",
        "bpp_id": "bpp.example.com",
        "bpp_uri": "https://bpp.example.com/beckn",
        "transaction_id": "t-1",
        "message_id": "m-1",
        "timestamp": datetime(2026, 6, 11, 18, tzinfo=UTC),
        "ttl": timedelta(seconds=30),
    }
    return Context(**values | changes)


@pytest.mark.parametrize(
    ("profile", "action", "changes", "path"),
    [
        (V2_RC, Action.CONFIRM, {"bap_uri": "https://169.254.169.254/"}, "$.context.bap_uri"),
        (V2_RC, Action.ON_CONFIRM, {"bpp_uri": "https://10.0.0.7/"}, "$.context.bpp_uri"),
        (V2_LTS, Action.CONFIRM, {"bap_uri": "http://bap.example.com"}, "$.context.bapUri"),
        (V2_RC, Action.CONFIRM, {"bap_uri": ""}, "$.context.bap_uri"),
    ],
)
def test_a_sender_is_not_answered_where_a_node_does_not_go(
    profile: Profile, action: Action, changes: dict[str, str], path: str
) -> None:
    with pytest.raises(DestinationRefused) as caught:
        check_neighbour(context(**changes), action=action, profile=profile, reach=Reach.PUBLIC)
    assert caught.value.path == path
    assert (caught.value.code, caught.value.http_status) == ("CTX_INVALID_FIELD", 400)


def test_only_the_senders_own_address_is_judged() -> None:
    own = context(bpp_uri="http://127.0.0.1:8082")
    check_neighbour(own, action=Action.CONFIRM, profile=V2_RC, reach=Reach.PUBLIC)


@pytest.mark.parametrize(
    ("public_url", "told", "reaching"),
    [
        ("https://bpp.example.com", None, Reach.PUBLIC),
        ("http://127.0.0.1:8082", None, Reach.LOOPBACK),
        ("http://127.0.0.1:8082", "public", Reach.PUBLIC),
        ("http://bpp:8080", "private", Reach.PRIVATE),
    ],
)
def test_how_far_a_node_goes_follows_from_its_own_url_unless_it_is_told(
    monkeypatch: pytest.MonkeyPatch, public_url: str, told: str | None, reaching: Reach
) -> None:
    monkeypatch.setenv("DEGNODE_SUBSCRIBER_ID", "bpp.example.com")
    monkeypatch.setenv("DEGNODE_PUBLIC_URL", public_url)
    monkeypatch.setenv("DEGNODE_REGISTRY_URL", "https://registry.example.com")
    monkeypatch.delenv("DEGNODE_REACH", raising=False)
    if told is not None:
        monkeypatch.setenv("DEGNODE_REACH", told)
    assert Settings().reaching is reaching
