"""Reading orders, quantities and criteria off the 2.0 RC wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kernel.energy import Energy
from kernel.errors import NodeError
from tests.support.seller_world import order
from trading.mapping import v2_rc as wire
from trading.mapping.bags.quantity import read_energy, read_quantity, write_quantity
from trading.refusals import FieldInvalid, FieldMissing, OneItemOnly, SearchUnsupported
from trading.request import Criteria, require_one_quantity

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("quantity", "watt_hours"),
    [
        ({"unitQuantity": 10, "unitText": "kWh"}, 10_000),
        ({"unitQuantity": Decimal("0.001"), "unitText": " KWH "}, 1),
        ({"unitQuantity": 250, "unitText": "Wh", "unitCode": "WHR"}, 250),
        ({"unitQuantity": Decimal("1.5"), "unitCode": "MWH"}, 1_500_000),
        ({"unitQuantity": Decimal("1E+1")}, 10_000),
    ],
)
def test_a_quantity_is_read_in_its_unit(quantity: Json, watt_hours: int) -> None:
    assert read_quantity(quantity, path="$") == Energy(watt_hours)


def test_a_quantity_without_an_amount_is_none_and_what_is_written_is_read_back() -> None:
    assert read_quantity({"minQuantity": 1}, path="$") is None
    assert read_quantity(write_quantity(Energy(30_500)), path="$") == Energy(30_500)


@pytest.mark.parametrize(
    "quantity",
    [
        {"unitQuantity": 1, "unitText": "litre"},
        {"unitQuantity": 1, "unitText": "Wh", "unitCode": "KWH"},
        {"unitQuantity": -1},
        {"unitQuantity": True},
        {"unitQuantity": "1"},
        {"unitQuantity": Decimal("0.0001")},
        {"unitQuantity": Decimal("1E+400")},
        {"unitQuantity": Decimal("9E+999999")},
        {"unitQuantity": Decimal("NaN")},
        {"unitQuantity": Decimal("Infinity")},
    ],
)
def test_what_is_no_quantity_of_energy_is_refused_with_its_place(quantity: Json) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_quantity(quantity, path="$.q")
    assert str(refused.value.path).startswith("$.q")


def test_a_float_is_no_quantity() -> None:
    with pytest.raises(FieldInvalid):
        read_energy(0.5, path="$")


def test_an_order_is_read_with_everything_that_it_says() -> None:
    sent = order(10, order_id="o-1", tradeStartTime="2026-01-09T11:00:00+01:00")
    sent["beckn:orderValue"] = {"value": Decimal("4.00"), "currency": "USD"}
    request = wire.read_order({"order": sent})
    assert (request.order_id, request.seller, request.buyer_id) == ("o-1", sent["beckn:seller"], "baker-1")
    assert (request.quantity, request.offer_id) == (Energy(10_000), None)
    assert request.trade_start is not None
    assert request.trade_start.hour == 10
    assert (request.total, request.currency) == (Decimal(4), "USD")
    assert request.as_sent is sent


def test_the_contracted_quantity_stands_in_for_the_lines() -> None:
    sent = order(None, contractedQuantity=Decimal("2.5"))
    request = wire.read_order({"order": sent})
    assert request.quantity == Energy(2_500)
    require_one_quantity(request)


def test_an_offer_may_be_accepted_for_the_line_or_for_the_order() -> None:
    offer = {"beckn:id": "a"}
    sent = order() | {"beckn:acceptedOffers": [offer]}
    assert wire.read_order({"order": sent}).offer_id == "a"
    sent["beckn:orderItems"][0]["beckn:acceptedOffer"] = {"beckn:id": "b"}
    with pytest.raises(OneItemOnly):
        wire.read_order({"order": sent})


@pytest.mark.parametrize(
    "attributes",
    [{"targetMeterId": 7}, {"tradeStartTime": "tomorrow"}, {"tradeEndTime": "2026-01-09T10:00:00"}],
)
def test_a_bag_that_cannot_be_read_is_refused_with_its_place(attributes: Json) -> None:
    with pytest.raises(FieldInvalid) as refused:
        wire.read_order({"order": order(**attributes)})
    assert next(iter(attributes)) in str(refused.value.path)


def test_an_order_id_is_needed_where_one_is_asked_for() -> None:
    assert wire.read_order_id({"order": {"beckn:id": "x"}}) == "x"
    with pytest.raises(FieldMissing):
        wire.read_order_id({"order": {"beckn:id": ""}})


def test_criteria_are_words_and_a_filter() -> None:
    assert wire.read_criteria({"text_search": " Solar  ROOF "}) == Criteria(words=("solar", "roof"))
    filters = {"type": "jsonpath", "expression": "$[*]"}
    assert wire.read_criteria({"filters": filters}) == Criteria(expression="$[*]")
    refused: type[NodeError] = SearchUnsupported
    with pytest.raises(refused, match="picture"):
        wire.read_criteria({"text_search": "x", "media_search": {"media": []}})
