"""The whole of a trade over each generation of the wire, and every answer against the official documents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest

from kernel.energy import Energy
from protocol.actions import Action
from protocol.profile import PROFILES, V1_1, V2_LTS, V2_RC, Profile
from schemas.validation import UnknownPacks, schema_set
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_message_errors
from tests.support.seller_world import (
    BPP_URL,
    EXPORT,
    IMPORT,
    ITEM,
    OFFER,
    SELLER,
    SOURCE_METER,
    TARGET_METER,
    WANTED,
    WINDOW,
    SellerWorld,
    hours_of,
    order,
)
from trading.contracts import ContractStore
from trading.delivery import DeliveryStatus
from trading.fields import Field
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.mapping.wire import Wire
from trading.report import ContractReport
from trading.request import Criteria, Inquiry, OrderRequest, Rating, RatingSummary

Json = dict[str, Any]


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, profile: Profile) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory, profile=profile).open()


def report(message: Json, wire: Wire) -> ContractReport:
    return wire.read_contract(message[wire.ORDER_KEY])


async def test_a_catalogue_is_found_and_read_back(world: SellerWorld, wire: Wire) -> None:
    found = await world.send(Action.DISCOVER, wire.write_criteria(Criteria(words=("rooftop",))))
    [listing] = wire.read_catalog(found)
    assert [provider.id for provider in listing.providers] == [SELLER]
    [resource], [offer] = listing.resources, listing.offers
    assert (resource.id, resource.source.meter_id, resource.available) == (ITEM, SOURCE_METER, Energy(30_500))
    assert (offer.id, offer.terms.price.per_kwh) == (OFFER, Decimal("0.15"))
    assert listing.networks == ("valley-p2p-network",)
    filtered = wire.write_criteria(Criteria(expression=wire.FILTER_EXAMPLE))
    assert len(wire.read_catalog(await world.send(Action.DISCOVER, filtered))) == 1
    nothing = await world.send(Action.DISCOVER, wire.write_criteria(Criteria(words=("coal",))))
    assert wire.read_catalog(nothing) == []


async def test_a_trade_goes_from_quote_to_bill(world: SellerWorld, wire: Wire) -> None:
    quoted = await world.send(Action.SELECT, wire.write_order_request(WANTED))
    value = wire.find_parts(quoted[wire.ORDER_KEY]).value
    assert value is not None
    assert (Decimal(value["value"]), value["currency"]) == (Decimal("4.00"), "USD")
    bought = await world.buy_wanted()
    assert (bought.status, bought.quote.total.amount) == (ContractStatus.ACTIVE, Decimal("4.00"))
    assert (bought.target_meter, bought.source.meter_id) == (TARGET_METER, SOURCE_METER)
    world.clock.set(WINDOW.end + timedelta(days=1))
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, [2_000] * 8))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, [1_500] * 8))
    await world.refresh_all()
    told = wire.read_contract((await world.unsolicited())[-1])
    assert (told.status, told.delivery.status) == (ContractStatus.COMPLETED, DeliveryStatus.COMPLETED)
    assert told.delivery.delivered == Energy(10_000)
    assert [str(bill.total) for bill in told.bills] == ["4.00 USD"]
    asked = wire.write_order_id(OrderRequest(order_id=bought.order_id, resource_id=ITEM, offer_id=OFFER))
    assert report(await world.send(Action.STATUS, asked), wire) == told


async def test_an_order_is_changed_followed_rated_and_cancelled(world: SellerWorld, wire: Wire) -> None:
    bought = await world.buy_wanted()
    mine = OrderRequest(order_id=bought.order_id, resource_id=ITEM, offer_id=OFFER)
    more = replace(WANTED, order_id=bought.order_id, quantity=Energy(20_000))
    assert report(await world.send(Action.UPDATE, wire.write_update(more)), wire).quantity == Energy(20_000)
    tracking = await world.send(Action.TRACK, wire.write_track(mine, callback_url="https://bap.example/t"))
    assert wire.read_tracking(tracking).startswith(f"{BPP_URL}/track/")
    inquiry = Inquiry(category="ORDER", target_id=bought.order_id)
    contact = wire.read_contact(await world.send(Action.SUPPORT, wire.write_support(inquiry)))
    assert contact.email == "help@valley-solar.example"
    rating = Rating(target_id=ITEM, category="ITEM", value=Decimal(8), worst=Decimal(0), best=Decimal(10))
    answer = await world.send(Action.RATING, wire.write_ratings([rating]))
    assert wire.read_aggregate(answer) == RatingSummary(count=1, mean=Decimal("4.00"))
    ended = report(await world.send(Action.CANCEL, wire.write_order_id(mine)), wire)
    assert ended.status is ContractStatus.TERMINATED


async def test_refusals_name_the_place_in_their_own_generation(world: SellerWorld, wire: Wire) -> None:
    unknown = OrderRequest(order_id="nobody", resource_id=ITEM, offer_id=OFFER)
    status = await world.refusal(Action.STATUS, wire.write_order_id(unknown))
    track = await world.refusal(Action.TRACK, wire.write_track(unknown, callback_url="https://x.example"))
    assert (status.path, track.path) == {
        "v1_1": ("$.message.order_id", "$.message.order_id"),
        "v2_rc": ("$.message.order['beckn:id']", "$.message.tracking.id"),
        "v2_lts": ("$.message.contract.id", "$.message.tracking.contract.id"),
    }[world.profile.name]
    filtered = wire.write_criteria(Criteria(expression="$[?"))
    assert (await world.refusal(Action.DISCOVER, filtered)).path == {
        "v1_1": "$.message.intent.tags",
        "v2_rc": "$.message.filters.expression",
        "v2_lts": "$.message.intent.filters.expression",
    }[world.profile.name]


async def test_every_answer_passes_the_official_schema(world: SellerWorld, wire: Wire) -> None:
    bought = await world.buy_wanted()
    mine = OrderRequest(order_id=bought.order_id, resource_id=ITEM, offer_id=OFFER)
    other = str(uuid4())
    inquiry = Inquiry(category="ORDER", target_id=bought.order_id)
    rating = Rating(
        target_id=bought.order_id, category="ORDER", value=Decimal(5), worst=Decimal(0), best=Decimal(5)
    )
    requests = {
        Action.DISCOVER: wire.write_criteria(Criteria(words=("solar",), expression=wire.FILTER_EXAMPLE)),
        Action.SELECT: wire.write_order_request(WANTED),
        Action.INIT: wire.write_order_request(WANTED),
        Action.STATUS: wire.write_order_id(mine),
        Action.TRACK: wire.write_track(mine, callback_url="https://bap.example/t"),
        Action.RATING: wire.write_ratings([rating]),
        Action.SUPPORT: wire.write_support(inquiry),
        Action.CANCEL: wire.write_order_id(mine),
    }
    for action, message in requests.items():
        transaction = other if action is Action.INIT else None
        sent = world.inbound(action, message)
        assert _official(world.profile, action, sent.raw) == []
        answer = await world.send(action, message, transaction_id=transaction)
        sealed = world.bpp.correspondent.answer(sent, answer, now=world.clock.now())
        assert _official(world.profile, Action(sealed.action), sealed.body) == []
        strict = schema_set(world.profile.schemas, unknown_packs=UnknownPacks.REFUSE)
        name = world.profile.wire_names[Action(sealed.action)]
        assert strict.is_valid(name, orjson.loads(sealed.body))


def _official(profile: Profile, action: Action, body: bytes) -> list[str]:
    return official_message_errors(profile.wire_names[action], orjson.loads(body), profile=profile.name)


# on other wires than the buyer ordered on


@pytest.mark.parametrize("other", [V1_1, V2_LTS], ids=lambda profile: profile.name)
async def test_a_contract_is_told_on_the_wire_it_is_asked_on(
    uow_factory: UnitOfWorkFactory, other: Profile
) -> None:
    world = await SellerWorld(uow_factory=uow_factory).open()
    bought = await world.buy(10)
    wire = wire_of(other.name)
    mine = OrderRequest(order_id=bought["beckn:id"], resource_id=ITEM, offer_id=OFFER)
    told = await world.speaking(other).send(Action.STATUS, wire.write_order_id(mine))
    assert report(told, wire).quote.total.amount == Decimal("4.00")
    async with uow_factory() as uow:
        kept = await ContractStore(uow.connection).get(bought["beckn:id"])
    assert (kept.profile, kept.buyer_order["beckn:buyer"]["beckn:id"]) == (V2_RC.name, "baker-1")
    again = await world.send(Action.CONFIRM, {"order": order(10, order_id=bought["beckn:id"])})
    assert again["order"] == bought


async def test_a_contract_can_be_ended_on_any_wire(world: SellerWorld, wire: Wire) -> None:
    bought = await world.buy_wanted()
    mine = OrderRequest(order_id=bought.order_id, resource_id=ITEM, offer_id=OFFER)
    for action, other in zip((Action.STATUS, Action.CANCEL, Action.STATUS), PROFILES.values(), strict=True):
        spoken = wire_of(other.name)
        told = await world.speaking(other).send(action, spoken.write_order_id(mine))
        assert report(told, spoken).quote == bought.quote
    ended = report(await world.send(Action.STATUS, wire.write_order_id(mine)), wire)
    assert ended.status is ContractStatus.TERMINATED


# what the buyer sent and nobody knows


async def test_in_v1_1_what_the_buyer_sent_and_nobody_knows_comes_back(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await SellerWorld(uow_factory=uow_factory, profile=V1_1).open()
    sent: Json = {
        "status": "ACTIVE",
        "provider": {"id": SELLER, "rateable": True},
        "items": [
            {
                "id": ITEM,
                "quantity": {"selected": {"measure": {"value": "10000", "unit": "Wh"}}},
                "vendor:colour": {"shade": Decimal("0.10")},
            }
        ],
        "billing": {"email": "baker@example.org"},
        "fulfillments": [{"id": "f-1", "vendor:door": 3}, {"id": "f-2"}],
        "payments": [{"type": "ON-FULFILLMENT", "params": {"bank_code": "B"}}, {"id": "p-2"}],
        "orderAttributes": {
            "@context": "https://baker.example/context.jsonld",
            "@type": "EnergyTradeOrder",
            "targetMeterId": f"der://meter/{TARGET_METER}",
            "costCentre": 17,
        },
    }
    quoted = (await world.send(Action.SELECT, {"order": sent}))["order"]
    assert (quoted["billing"], quoted["type"], "status" in quoted) == (sent["billing"], "DRAFT", False)
    held = (await world.send(Action.INIT, {"order": sent}))["order"]
    assert held["billing"] == sent["billing"]
    assert held["items"][0] == sent["items"][0] | {"price": {"currency": "USD", "value": "0.15"}}
    assert [entry["id"] for entry in held["fulfillments"]] == ["f-1", "f-2"]
    assert held["fulfillments"][0]["vendor:door"] == 3
    assert held["payments"][0] == {
        "type": "ON-FULFILLMENT",
        "collected_by": "BPP",
        "status": "NOT-PAID",
        "params": {"bank_code": "B", "amount": "4.00", "currency": "USD"},
    }
    bag = held["orderAttributes"]
    assert (bag["costCentre"], bag["@context"]) == (17, "https://baker.example/context.jsonld")
    assert (bag["targetMeterId"], bag["contractStatus"]) == (TARGET_METER, "PENDING")
    async with uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(held["id"])
    assert (contract.buyer_id, contract.profile) == ("bap.baker.example", "v1_1")  # nobody else is named


async def test_in_lts_what_the_buyer_sent_and_nobody_knows_comes_back(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await SellerWorld(uow_factory=uow_factory, profile=V2_LTS).open()
    deg = "https://schema.beckn.io/DEGContract/v2.0/context.jsonld"
    series = {
        "@context": "https://schema.beckn.io/BecknTimeSeries/v1.0/context.jsonld",
        "@type": "TimeSeries",
        "intervalPeriod": {"start": "2026-01-09T10:00:00Z", "duration": "PT4H"},
        "payloadDescriptors": [{"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "REQUESTED_QTY"}],
        "intervals": [
            {"id": index, "payloads": [{"type": "REQUESTED_QTY", "values": [5]}]} for index in range(2)
        ],
    }
    meter = {"@context": "https://x.example", "@type": "EnergyCustomer", "meterId": TARGET_METER}
    sent: Json = {
        "descriptor": {"name": "Bread"},
        "status": {"code": "DRAFT", "shortDesc": "ours"},
        "commitments": [
            {
                "id": "c-7",
                "status": {"descriptor": {"code": "DRAFT"}},
                "resources": [{"id": ITEM, "quantity": {"@type": "Quantity", "unitQuantity": 10}, "x:a": 1}],
                "offer": {"id": OFFER, "resourceIds": [ITEM], "x:b": [2]},
                "commitmentAttributes": series,
            }
        ],
        "participants": [
            {"id": "bap.baker.example", "participantAttributes": meter},
            {"id": "discom.example", "x:c": 3},
        ],
        "settlements": [{"id": "term-1", "status": "DRAFT"}],
        "contractAttributes": {
            "@context": deg,
            "@type": "DEGContract",
            "roles": [{"role": "buyerPlatform", "participantId": "bap.baker.example"}],
        },
    }
    held = (await world.send(Action.INIT, {"contract": sent}))["contract"]
    confirmed = (await world.send(Action.CONFIRM, {"contract": held}))["contract"]
    assert confirmed["descriptor"] == {"name": "Bread"}
    assert confirmed["status"] == {"code": "ACTIVE", "shortDesc": "ours"}
    [commitment] = confirmed["commitments"]
    assert (commitment["id"], commitment["commitmentAttributes"]) == ("c-7", series)
    assert commitment["resources"] == sent["commitments"][0]["resources"]
    assert commitment["offer"]["x:b"] == [2]
    assert [person["id"] for person in confirmed["participants"]] == [
        "bap.baker.example",
        "discom.example",
        SELLER,
    ]
    assert [entry["id"] for entry in confirmed["settlements"]] == ["settle-2026-01-09-001", "term-1"]
    assert confirmed["performance"][0]["commitmentIds"] == ["c-7"]
    bag = confirmed["contractAttributes"]
    assert (bag["@context"], bag["@type"], len(bag["roles"])) == (deg, "DEGContract", 1)
    assert (bag["contractStatus"], bag["targetMeterId"]) == ("ACTIVE", TARGET_METER)


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        (
            {"resource_id": None, "quantity": None},
            {
                "v1_1": "$.message.order.items[0].id",
                "v2_lts": "$.message.contract.commitments[0].resources[0].id",
            },
        ),
        (
            {"target_meter": None},
            {
                "v1_1": "$.message.order.orderAttributes.targetMeterId",
                "v2_lts": "$.message.contract.contractAttributes.targetMeterId",
            },
        ),
    ],
)
async def test_what_a_generation_leaves_open_is_asked_for(
    uow_factory: UnitOfWorkFactory, changes: Json, paths: dict[str, str]
) -> None:
    world = await SellerWorld(uow_factory=uow_factory).open()
    for name, path in paths.items():
        message = wire_of(name).write_order_request(replace(WANTED, **changes))
        error = await world.speaking(PROFILES[name]).refusal(Action.INIT, message)
        assert (error.code, error.path) == ("SCH_REQUIRED_FIELD_MISSING", path)


async def test_what_no_database_keeps_is_refused(world: SellerWorld, wire: Wire) -> None:
    strange = replace(WANTED, buyer_id="a\0b")
    assert (await world.refusal(Action.INIT, wire.write_order_request(strange))).path == wire.PATHS[
        Field.BUYER
    ]
    rating = Rating(target_id="a\0b", category="ORDER", value=Decimal(1), worst=Decimal(0), best=Decimal(5))
    refused = await world.refusal(Action.RATING, wire.write_ratings([rating]))
    assert refused.code == "BIZ_RATING_TARGET_NOT_FOUND"
    endless = replace(rating, value=Decimal("1E+99"), best=Decimal("1E+100"))
    refused = await world.refusal(Action.RATING, wire.write_ratings([endless]))
    assert (refused.code, refused.path) == ("SCH_INVALID_FORMAT", wire.PATHS[Field.RATING].format(index=0))
