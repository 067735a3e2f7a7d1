"""The buyer's handlers fit the table of actions, and the examples fit the schemas."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import simplejson

from bap.bindings import bind
from bap.call_request import MessageRefused, parse_call_request
from bap.examples import CALLBACKS, REQUESTS
from node.correspondence import Peer
from protocol.actions import HANDLED_BY, TRADE, Action, Role
from schemas.validation import schema_set
from tests.support.buyer_world import SELLER_URL, correspondent

NOW = datetime(2026, 6, 11, 18, tzinfo=UTC)


def test_every_callback_has_a_handler_and_nothing_else_has() -> None:
    assert set(bind()) == set(HANDLED_BY[Role.BAP])


@pytest.mark.parametrize("action", [exchange.request for exchange in TRADE])
def test_the_example_of_every_request_fits_its_schema(action: Action) -> None:
    request = parse_call_request(REQUESTS[action])
    outgoing = correspondent(Role.BAP, "bap.example", "https://bap.example").request(
        action,
        to=Peer(subscriber_id=request.bpp_id or "", url=SELLER_URL),
        message=request.message,
        transaction_id="t-1",
        now=NOW,
    )
    assert _violations(action, outgoing.body) == []


@pytest.mark.parametrize("action", [exchange.callback for exchange in TRADE])
def test_the_example_of_every_callback_fits_its_schema(action: Action) -> None:
    outgoing = correspondent(Role.BPP, "bpp.example", SELLER_URL).unsolicited(
        action,
        to=Peer(subscriber_id="bap.example", url="https://bap.example"),
        message=CALLBACKS[action],
        transaction_id="t-1",
        now=NOW,
    )
    assert _violations(action, outgoing.body) == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], "$"),
        ({}, "$.message"),
        ({"message": []}, "$.message"),
        ({"message": {}, "bppId": "x"}, "$.bppId"),
        ({"message": {}, "bpp_uri": "ftp//x"}, "$.bpp_uri"),
        ({"message": {}, "transaction_id": "with a space"}, "$.transaction_id"),
    ],
)
def test_a_request_of_the_wrong_shape_is_refused_with_its_path(body: Any, path: str) -> None:
    with pytest.raises(MessageRefused) as refusal:
        parse_call_request(body)
    assert refusal.value.path == path
    assert refusal.value.violations[0].rule


def _violations(action: Action, body: bytes) -> list[Any]:
    return list(schema_set("v2_rc").violations(action.value, simplejson.loads(body, use_decimal=True)))
