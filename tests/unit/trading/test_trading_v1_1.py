"""Reading and answering on the v1.1 wire, where the schema asks for hardly anything."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from kernel.energy import Energy
from kernel.errors import NodeError
from trading.mapping import v1_1 as wire
from trading.mapping.parts import OrderParts
from trading.refusals import (
    FieldInvalid,
    FieldMissing,
    OneItemOnly,
    UpdateTargetInvalid,
)
from trading.request import Criteria, Inquiry, OrderRequest, RatingSummary

Json = dict[str, Any]


def order(**changes: Any) -> Json:
    """Return an order as a v1.1 buyer writes it by hand."""
    written: Json = {
        "provider": {"id": "valley"},
        "items": [{"id": "roof", "quantity": {"selected": {"measure": {"value": "2500", "unit": "Wh"}}}}],
        "fulfillments": [{"id": "f-1", "customer": {"person": {"id": "baker-1", "name": "Ada"}}}],
        "billing": {"name": "Ada", "email": "ada@baker.example"},
        "orderAttributes": {
            "@context": "https://x.example",
            "@type": "EnergyTradeContract",
            "targetMeterId": "der://meter/98765456",
        },
    }
    return written | changes


def test_an_order_is_read_with_everything_that_it_says() -> None:
    sent = order(id="o-1", offers=[{"id": "day"}], quote={"price": {"value": "4.00", "currency": "USD"}})
    assert wire.read_order({"order": sent}) == OrderRequest(
        order_id="o-1",
        seller="valley",
        buyer_id="baker-1",
        resource_id="roof",
        offer_id="day",
        quantity=Energy(2_500),
        target_meter="98765456",
        total=Decimal(4),
        currency="USD",
        as_sent=sent,
    )


def test_an_order_may_say_nothing_at_all() -> None:
    assert wire.read_order({"order": {}}) == OrderRequest()
    assert wire.write_order_request(OrderRequest()) == {"order": {}}


def test_the_contracted_quantity_stands_in_for_the_items() -> None:
    sent = order(items=[{"id": "roof"}], orderAttributes={"contractedQuantity": Decimal("2.5")})
    assert wire.read_order({"order": sent}).quantity == Energy(2_500)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"items": [{}, {}]}, "$.message.order.items"),
        ({"offers": [{"id": "a"}, {"id": "b"}]}, "$.message.order.offers[0].id"),
    ],
)
def test_an_order_is_about_one_thing(change: Json, path: str) -> None:
    with pytest.raises(OneItemOnly) as refused:
        wire.read_order({"order": order(**change)})
    assert refused.value.path == path


@pytest.mark.parametrize(
    ("measure", "place"),
    [
        ({"value": "ten"}, ".value"),
        ({"value": "NaN"}, ".value"),
        ({"value": True}, ".value"),
        ({"value": "1", "unit": "litre"}, ".unit"),
    ],
)
def test_a_measure_that_cannot_be_read_is_refused_with_its_place(measure: Json, place: str) -> None:
    items = [{"id": "roof", "quantity": {"selected": {"measure": measure}}}]
    with pytest.raises(FieldInvalid) as refused:
        wire.read_order({"order": order(items=items)})
    assert str(refused.value.path) == f"$.message.order.items[0].quantity.selected.measure{place}"


@pytest.mark.parametrize("target", ["order.items", "order.billing, order.items[0].quantity", "item"])
def test_what_is_bought_can_be_updated(target: str) -> None:
    assert wire.read_order({"update_target": target, "order": order()}).resource_id == "roof"


@pytest.mark.parametrize("target", ["order.fulfillments[0].stops", "", 7])
def test_an_update_of_anything_else_is_refused(target: object) -> None:
    with pytest.raises(UpdateTargetInvalid) as refused:
        wire.read_order({"update_target": target, "order": order()})
    assert refused.value.path == "$.message.update_target"


def test_a_request_is_written_over_what_was_sent() -> None:
    sent = order()
    request = replace(wire.read_order({"order": sent}), order_id="o-1", quantity=Energy(1_000))
    written = wire.write_order_request(request)["order"]
    assert written["billing"] == sent["billing"]
    assert written["fulfillments"][0]["customer"]["person"] == {"id": "baker-1", "name": "Ada"}
    assert written["items"][0]["quantity"] == {"selected": {"measure": {"value": "1", "unit": "kWh"}}}
    assert written["orderAttributes"]["targetMeterId"] == "98765456"


def test_an_order_id_is_needed_where_one_is_asked_for() -> None:
    with pytest.raises(FieldMissing) as refused:
        wire.read_order_id({"order_id": ""})
    assert refused.value.path == "$.message.order_id"


def test_words_are_taken_from_wherever_an_intent_names_something() -> None:
    intent = {
        "descriptor": {"name": "Solar"},
        "category": {"descriptor": {"name": "Roof Top"}},
        "tags": ["x"],
    }
    assert wire.read_criteria({"intent": intent}) == Criteria(words=("solar", "roof", "top"))
    assert wire.read_criteria({}) == Criteria()


def test_a_rating_without_a_target_or_a_number_is_refused_with_its_place() -> None:
    whole = {"id": "o-1", "rating_category": "Order", "value": "4"}
    refused: pytest.ExceptionInfo[NodeError]
    for rating, place in (({"value": "4"}, "id"), ({"id": "o-1", "value": "good"}, "value")):
        with pytest.raises(NodeError) as refused:
            wire.read_ratings({"ratings": [whole, rating]})
        assert refused.value.path == f"$.message.ratings[1].{place}"


def test_support_without_a_reference_is_about_the_platform() -> None:
    assert wire.read_support({"support": {"phone": "+1"}}) == Inquiry(category="OTHER", target_id="")
    assert wire.read_support({"support": {"ref_id": "o-1"}}) == Inquiry(category="ORDER", target_id="o-1")


def test_no_ratings_come_to_nothing() -> None:
    summary = RatingSummary(count=0, mean=None)
    assert wire.read_aggregate(wire.write_aggregate([], summary)) == summary


@pytest.mark.parametrize("order", [{}, {"items": 7, "quote": [], "fulfillments": "x", "id": None}])
def test_an_order_of_any_shape_can_be_looked_at(order: Json) -> None:
    assert wire.find_parts(order) == OrderParts(
        order_id=None, status=None, contract=None, delivery=None, value=None
    )


@pytest.mark.parametrize(
    ("read", "document"),
    [
        (wire.read_contract, {"orderAttributes": {"contractStatus": "NEW"}}),
        (wire.read_catalog, {}),
        (wire.read_aggregate, {"summary": {"count": 1, "value": "many"}}),
        (wire.read_tracking, {"tracking": None}),
    ],
)
def test_an_answer_that_cannot_be_read_is_refused(read: Any, document: Json) -> None:
    with pytest.raises(FieldInvalid):
        read(document)
