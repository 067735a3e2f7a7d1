"""The table of actions: complete, and without a message that belongs to nobody."""

from __future__ import annotations

import pytest

from protocol.actions import (
    ASKED_OF_UTILITIES,
    CALLBACK_OF,
    EXCHANGES,
    HANDLED_BY,
    PUBLISHING,
    REQUEST_OF,
    SENT_BY,
    TRADE,
    Action,
    Role,
    handled_by,
    sender_role,
    sender_side,
)


def test_a_trade_has_ten_exchanges_and_catalogues_are_published_by_one_more() -> None:
    assert len(TRADE) == 10
    assert (*TRADE, PUBLISHING) == EXCHANGES


def test_every_action_stands_in_exactly_one_exchange() -> None:
    named = [action for exchange in EXCHANGES for action in (exchange.request, exchange.callback)]
    assert sorted(named) == sorted(Action)


def test_a_callback_is_its_request_with_on_before_it() -> None:
    assert {request: callback.value for request, callback in CALLBACK_OF.items()} == {
        request: f"on_{request.value}" for request in CALLBACK_OF
    }


def test_callbacks_and_requests_find_each_other() -> None:
    assert {REQUEST_OF[callback]: callback for callback in REQUEST_OF} == CALLBACK_OF


def test_whoever_trades_or_answers_searches_handles_every_action() -> None:
    once = sorted([*HANDLED_BY[Role.BAP], *HANDLED_BY[Role.BPP], PUBLISHING.request])
    assert once == sorted(Action)
    assert PUBLISHING.request in HANDLED_BY[Role.CDS]


@pytest.mark.parametrize(
    "action", [action for exchange in TRADE for action in (exchange.request, exchange.callback)]
)
def test_an_action_of_a_trade_is_handled_by_the_counterpart_of_its_sender(action: Action) -> None:
    receiver = sender_role(action).counterpart
    assert action in HANDLED_BY[receiver]
    assert action in SENT_BY[receiver.counterpart]
    assert sender_side(action) is sender_role(action)


def test_a_seller_publishes_as_who_asks_and_a_discovery_service_answers_as_a_seller() -> None:
    assert sender_role(PUBLISHING.request) is sender_role(PUBLISHING.callback) is Role.BPP
    assert sender_side(PUBLISHING.request) is Role.BAP
    assert sender_side(PUBLISHING.callback) is Role.BPP


def test_what_a_role_sends_another_one_handles() -> None:
    handled = {action for actions in HANDLED_BY.values() for action in actions}
    assert {action for actions in SENT_BY.values() for action in actions} == handled == set(Action)


def test_the_counterpart_of_the_counterpart_is_oneself() -> None:
    sides = [Role.BAP, Role.BPP]
    assert [role.counterpart.counterpart for role in sides] == sides


@pytest.mark.parametrize("role", [Role.BG, Role.CDS])
def test_who_takes_no_side_has_no_counterpart(role: Role) -> None:
    with pytest.raises(ValueError, match="trades with nobody"):
        _ = role.counterpart


def test_a_discovery_service_subscribes_as_a_seller() -> None:
    assert {role: role.subscribes_as for role in Role} == {role: role for role in Role} | {Role.CDS: Role.BPP}


def test_a_seller_may_send_news_of_a_contract_unasked() -> None:
    unsolicited = {exchange.callback for exchange in EXCHANGES if exchange.unsolicited}
    assert unsolicited == {Action.ON_STATUS, Action.ON_UPDATE, Action.ON_CANCEL}


def test_every_exchange_says_what_it_is_for() -> None:
    assert all(exchange.purpose for exchange in EXCHANGES)


def test_who_asks_utilities_takes_their_answers_beside_what_its_role_takes() -> None:
    assert handled_by(Role.BPP) == HANDLED_BY[Role.BPP]
    answers = set(handled_by(Role.BPP, cascades=True)) - set(HANDLED_BY[Role.BPP])
    assert answers == {CALLBACK_OF[action] for action in ASKED_OF_UTILITIES}
    assert set(handled_by(Role.BPP, serves=True)) - set(HANDLED_BY[Role.BPP]) == {Action.ON_UPDATE}
