"""Reading and answering on the 2.0.0 LTS wire, where an order is a contract with commitments."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from kernel.energy import Energy
from kernel.errors import NodeError
from trading.mapping import v2_lts as wire
from trading.mapping.parts import OrderParts
from trading.mapping.v2_lts.participants import write_participants
from trading.mapping.v2_lts.time_series import read_bounds, read_requested
from trading.refusals import FieldInvalid, FieldMissing, OneItemOnly, SearchUnsupported
from trading.request import Criteria, Inquiry

Json = dict[str, Any]


def series(*quantities: Decimal | int, **changes: Any) -> Json:
    """Return what is asked for, an hour each."""
    intervals = [
        {"id": index, "payloads": [{"type": "REQUESTED_QTY", "values": [quantity]}]}
        for index, quantity in enumerate(quantities)
    ]
    written: Json = {
        "@context": "https://schema.beckn.io/BecknTimeSeries/v1.0/context.jsonld",
        "@type": "TimeSeries",
        "intervalPeriod": {"start": "2026-01-09T10:00:00Z", "duration": "PT1H"},
        "payloadDescriptors": [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "REQUESTED_QTY"}],
        "intervals": intervals,
    }
    return written | changes


def contract(*, quantity: object = None, **changes: Any) -> Json:
    """Return a contract as a P2P platform writes it by hand: roles in a list, the window in a series."""
    written: Json = {
        "commitments": [
            {
                "id": "c-7",
                "status": {"descriptor": {"code": "DRAFT"}},
                "resources": [{"id": "roof", "quantity": {} if quantity is None else quantity}],
                "offer": {
                    "id": "day",
                    "resourceIds": ["roof"],
                    "provider": {"id": "valley", "descriptor": {}},
                },
                "commitmentAttributes": series(Decimal("2.5"), 4),
            }
        ],
        "contractAttributes": {
            "@context": "https://schema.beckn.io/DEGContract/v2.0/context.jsonld",
            "@type": "DEGContract",
            "roles": [
                {"role": "buyerPlatform", "participantId": "bap.example"},
                {"role": "sellerPlatform", "participantId": "bpp.example"},
            ],
        },
        "participants": [
            {"id": "bpp.example"},
            {"id": "bap.example", "participantAttributes": {"meterId": "der://meter/AB12"}},
        ],
    }
    return written | changes


def test_a_platforms_contract_is_read_from_its_series_and_its_roles() -> None:
    request = wire.read_order({"contract": contract()})
    assert (request.seller, request.buyer_id, request.target_meter) == ("valley", "bap.example", "AB12")
    assert (request.resource_id, request.offer_id, request.quantity) == ("roof", "day", Energy(6_500))
    assert request.trade_start == datetime(2026, 1, 9, 10, tzinfo=UTC)
    assert request.trade_end == datetime(2026, 1, 9, 12, tzinfo=UTC)


def test_what_the_contract_says_itself_goes_before_its_series_and_its_people() -> None:
    bag = {"targetMeterId": "77", "tradeStartTime": "2026-01-09T11:00:00Z"}
    sent = contract(quantity={"unitQuantity": 3, "unitCode": "KWH"}, contractAttributes=bag)
    sent["participants"] = [{"id": "ada", "role": "buyer"}, {"participantId": "sun", "role": "seller"}]
    request = wire.read_order({"contract": sent})
    assert (request.quantity, request.target_meter) == (Energy(3_000), "77")
    assert request.trade_start == datetime(2026, 1, 9, 11, tzinfo=UTC)
    assert (request.seller, request.buyer_id) == ("sun", "ada")


def test_somebody_may_have_a_role_without_being_a_participant() -> None:
    sent = contract(participants=[])
    assert wire.read_order({"contract": sent}).buyer_id == "bap.example"
    assert write_participants({}, seller=None, buyer=None) == []


def test_a_contract_is_about_one_thing() -> None:
    sent = contract()
    sent["commitments"] *= 2
    with pytest.raises(OneItemOnly) as refused:
        wire.read_order({"contract": sent})
    assert refused.value.path == "$.message.contract.commitments"


def test_a_commitment_without_resources_is_about_nothing_yet() -> None:
    sent = contract()
    sent["commitments"][0] |= {"resources": [], "commitmentAttributes": {}}
    request = wire.read_order({"contract": sent})
    assert (request.resource_id, request.quantity, request.trade_start) == (None, None, None)
    assert wire.write_order_request(request)["contract"]["commitments"][0]["resources"] == []


@pytest.mark.parametrize(
    ("quantity", "place"),
    [
        (7, ""),
        ({"unitQuantity": "7"}, ".unitQuantity"),
        ({"unitQuantity": 1, "unitCode": "LTR"}, ".unitCode"),
    ],
)
def test_a_quantity_that_cannot_be_read_is_refused_with_its_place(quantity: object, place: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        wire.read_order({"contract": contract(quantity=quantity)})
    assert str(refused.value.path) == f"$.message.contract.commitments[0].resources[0].quantity{place}"


@pytest.mark.parametrize(
    "period",
    [
        {"start": "noon", "duration": "PT1H"},
        {"start": "2026-01-09T10:00:00Z", "duration": "an hour"},
        {"start": "9999-12-31T23:00:00Z", "duration": "PT1H"},
    ],
)
def test_a_period_that_cannot_be_read_is_refused_with_its_place(period: Json) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read_bounds(series(1, 1, intervalPeriod=period), path="$.s")
    assert str(refused.value.path).startswith("$.s.intervalPeriod.")


def test_a_series_that_asks_for_nothing_bounds_nothing() -> None:
    assert read_bounds(series(), path="$") == (None, None)
    assert read_bounds(series(1, intervalPeriod={"start": "2026-01-09T10:00:00Z"}), path="$") == (
        datetime(2026, 1, 9, 10, tzinfo=UTC),
        None,
    )
    with pytest.raises(FieldInvalid):
        read_requested({"intervals": [{"payloads": [{"type": "REQUESTED_QTY", "values": []}]}]}, path="$")


def test_the_price_that_a_buyer_expects_is_what_the_buyer_pays() -> None:
    flows = [{"role": "buyerPlatform", "value": -4, "currency": "USD"}, {"role": "x", "value": 4}]
    settled = {
        "id": "auto-settlement-flows",
        "considerationAttributes": {"revenueFlows": [{"role": "buyer"}]},
    }
    quoted = {"id": "price", "considerationAttributes": {"revenueFlows": flows}}
    request = wire.read_order({"contract": contract(consideration=[settled, quoted])})
    assert (request.total, request.currency) == (Decimal(4), "USD")
    flows[0]["value"] = "four"
    with pytest.raises(FieldInvalid) as refused:
        wire.read_order({"contract": contract(consideration=[quoted])})
    assert refused.value.path == "$.message.contract.consideration"
    assert wire.find_parts(contract(consideration=[quoted])).value is None


@pytest.mark.parametrize("read", [wire.read_order_id, wire.read_track])
def test_an_order_id_is_needed_where_one_is_asked_for(read: Any) -> None:
    with pytest.raises(FieldMissing):
        read({"contract": {}, "tracking": {"contract": {"id": ""}}})


def test_words_are_taken_from_wherever_they_stand() -> None:
    assert wire.read_criteria({"intent": {}, "text_search": "Solar ROOF"}) == Criteria(
        words=("solar", "roof")
    )
    with pytest.raises(SearchUnsupported) as refused:
        wire.read_criteria({"intent": {"mediaSearch": {"media": []}}})
    assert refused.value.path == "$.message.intent.mediaSearch"


def test_support_may_be_about_anything() -> None:
    assert wire.read_support({"support": {}}) == Inquiry(category="OTHER", target_id="")
    asked = Inquiry(category="ITEM", target_id="roof")
    assert wire.read_support(wire.write_support(asked)) == asked


def test_a_rating_without_a_target_or_a_number_is_refused_with_its_place() -> None:
    refused: pytest.ExceptionInfo[NodeError]
    for rating, place in (
        ({"target": {}, "range": {"value": 4}}, "target.id"),
        ({"target": {"id": "o-1"}, "range": {"value": "good"}}, "range.value"),
    ):
        with pytest.raises(NodeError) as refused:
            wire.read_ratings({"ratingInputs": [rating]})
        assert refused.value.path == f"$.message.ratingInputs[0].{place}"


@pytest.mark.parametrize("document", [{}, {"status": 7, "performance": {}, "consideration": [3], "id": []}])
def test_a_contract_of_any_shape_can_be_looked_at(document: Json) -> None:
    assert wire.find_parts(document) == OrderParts(
        order_id=None, status=None, contract=None, delivery=None, value=None
    )


@pytest.mark.parametrize(
    ("read", "document"),
    [
        (wire.read_contract, {"contractAttributes": {}}),
        (wire.read_catalog, {"catalogs": [{"id": "c"}]}),
        (wire.read_aggregate, {"ratings": []}),
        (wire.read_contact, {"support": {}}),
        (wire.read_tracking, {}),
    ],
)
def test_an_answer_that_cannot_be_read_is_refused(read: Any, document: Json) -> None:
    with pytest.raises(FieldInvalid):
        read(document)
