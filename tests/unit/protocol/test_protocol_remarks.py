"""What is odd about a good message."""

from __future__ import annotations

from protocol.actions import Action
from protocol.profile import V1_1, V2_RC
from protocol.remarks import Remark, remarks
from tests.support.wire_examples import wire_example


def test_a_key_that_its_context_does_not_explain_is_remarked() -> None:
    document = wire_example(V2_RC, Action.CONFIRM)
    before = remarks(document)
    document["message"]["order"]["beckn:orderAttributes"]["contractedQuantityy"] = 10
    (found,) = [remark for remark in remarks(document) if remark not in before]
    assert found == Remark(
        path="$.message.order['beckn:orderAttributes'].contractedQuantityy",
        message="its context does not explain this key",
    )


def test_attributes_that_no_pack_knows_are_remarked() -> None:
    document = wire_example(V1_1, Action.CONFIRM)
    document["message"]["order"]["items"] = [{"bag": {"@context": "https://else.example/1", "@type": "Else"}}]
    assert Remark(
        path="$.message.order.items[0].bag", message="no pack knows Else of https://else.example/1"
    ) in remarks(document)


def test_a_message_without_json_ld_has_nothing_odd() -> None:
    assert remarks(wire_example(V1_1, Action.STATUS)) == []
