"""Reading an order: its parts, and which of two statements is the later one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bap.order import Order, Statement, find_order

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_without_a_contract_time_the_later_message_knows_more() -> None:
    assert Statement(at=NOON).is_older_than(Statement(at=NOON + MINUTE))
    assert not Statement(at=NOON + MINUTE).is_older_than(Statement(at=NOON))


def test_a_statement_is_not_older_than_its_equal() -> None:
    same = Statement(at=NOON, contract_updated_at=NOON)
    assert not same.is_older_than(same)


def test_the_contract_time_decides_where_both_have_one() -> None:
    late_copy = Statement(at=NOON + MINUTE, contract_updated_at=NOON - 2 * MINUTE)
    original = Statement(at=NOON, contract_updated_at=NOON - MINUTE)
    assert late_copy.is_older_than(original)
    assert not original.is_older_than(late_copy)


def test_the_message_time_decides_where_only_one_has_a_contract_time() -> None:
    bare = Statement(at=NOON)
    later = Statement(at=NOON + MINUTE, contract_updated_at=NOON - MINUTE)
    assert bare.is_older_than(later)


def test_a_contract_time_from_the_future_counts_as_the_time_of_the_message() -> None:
    boastful = Statement(at=NOON, contract_updated_at=datetime(9999, 1, 1, tzinfo=UTC))
    assert boastful.is_older_than(Statement(at=NOON + MINUTE, contract_updated_at=NOON + MINUTE))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"beckn:id": 7, "beckn:orderStatus": None, "beckn:orderAttributes": [], "beckn:fulfillment": "x"},
        {"beckn:id": "a\0b", "beckn:orderAttributes": {"lastUpdated": "yesterday", "billingCycles": 3}},
        {"beckn:orderAttributes": {"lastUpdated": 5, "settlementCycles": ["x"], "wheelingCharges": 1}},
    ],
)
def test_an_order_of_any_shape_can_be_looked_at(document: dict[str, Any]) -> None:
    order = Order(document=document)
    assert (order.id, order.status, order.contract_status, order.delivery) == (None, None, None, None)
    assert order.contract_updated_at is None
    assert order.bill == {
        "order_value": None,
        "wheeling_charges": None,
        "settlement_cycles": [],
        "billing_cycles": [],
    }


def test_a_message_without_an_order_has_none() -> None:
    assert find_order({}) is None
    assert find_order({"order": "order-1"}) is None
    assert find_order({"order": {"beckn:id": "order-1"}}) == Order(document={"beckn:id": "order-1"})
