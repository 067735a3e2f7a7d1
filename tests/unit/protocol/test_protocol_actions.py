"""The table of actions: complete, and without a message that belongs to nobody."""

from __future__ import annotations

import pytest

from protocol.actions import CALLBACK_OF, EXCHANGES, HANDLED_BY, REQUEST_OF, Action, Role, sender_role


def test_there_are_ten_exchanges() -> None:
    assert len(EXCHANGES) == 10


def test_every_action_stands_in_exactly_one_exchange() -> None:
    named = [action for exchange in EXCHANGES for action in (exchange.request, exchange.callback)]
    assert sorted(named) == sorted(Action)


def test_a_callback_is_its_request_with_on_before_it() -> None:
    assert {request: callback.value for request, callback in CALLBACK_OF.items()} == {
        request: f"on_{request.value}" for request in CALLBACK_OF
    }


def test_callbacks_and_requests_find_each_other() -> None:
    assert {REQUEST_OF[callback]: callback for callback in REQUEST_OF} == CALLBACK_OF


def test_both_roles_together_handle_every_action_once() -> None:
    assert sorted(HANDLED_BY[Role.BAP] + HANDLED_BY[Role.BPP]) == sorted(Action)


@pytest.mark.parametrize("action", list(Action))
def test_an_action_is_handled_by_the_counterpart_of_its_sender(action: Action) -> None:
    receiver = sender_role(action).counterpart
    assert action in HANDLED_BY[receiver]
    assert sender_role(action) is receiver.counterpart


def test_the_counterpart_of_the_counterpart_is_oneself() -> None:
    sides = [Role.BAP, Role.BPP]
    assert [role.counterpart.counterpart for role in sides] == sides


def test_a_gateway_has_no_counterpart() -> None:
    with pytest.raises(ValueError, match="trades with nobody"):
        _ = Role.BG.counterpart


def test_a_seller_may_send_news_of_a_contract_unasked() -> None:
    unsolicited = {exchange.callback for exchange in EXCHANGES if exchange.unsolicited}
    assert unsolicited == {Action.ON_STATUS, Action.ON_UPDATE, Action.ON_CANCEL}


def test_every_exchange_says_what_it_is_for() -> None:
    assert all(exchange.purpose for exchange in EXCHANGES)
