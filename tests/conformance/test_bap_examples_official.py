"""The examples of the buyer's API against the official 2.0 RC document."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import simplejson

from bap.examples import CALLBACKS, REQUESTS
from node.correspondence import Peer
from protocol.actions import TRADE, Action, Role
from storage.outbox import Outgoing
from tests.support.buyer_world import SELLER_URL, correspondent
from tests.support.official import official_message_errors

NOW = datetime(2026, 6, 11, 18, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("shared")


@pytest.mark.parametrize("action", [exchange.request for exchange in TRADE])
def test_the_official_schema_accepts_the_example_of_every_request(action: Action) -> None:
    writer = correspondent(Role.BAP, "bap.example", "https://bap.example")
    to = Peer(subscriber_id="bpp.example", url=SELLER_URL)
    message = REQUESTS[action]["message"]
    assert _errors(writer.request(action, to=to, message=message, transaction_id="t-1", now=NOW)) == []


@pytest.mark.parametrize("action", [exchange.callback for exchange in TRADE])
def test_the_official_schema_accepts_the_example_of_every_callback(action: Action) -> None:
    writer = correspondent(Role.BPP, "bpp.example", SELLER_URL)
    to = Peer(subscriber_id="bap.example", url="https://bap.example")
    message = CALLBACKS[action]
    assert _errors(writer.unsolicited(action, to=to, message=message, transaction_id="t-1", now=NOW)) == []


def _errors(outgoing: Outgoing) -> list[str]:
    return official_message_errors(outgoing.action, simplejson.loads(outgoing.body))
