"""status, track, support and rating; and every answer against the official documents."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest

from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_message_errors
from tests.support.seller_world import (
    BPP_URL,
    ITEM,
    SELLER,
    SellerWorld,
    order,
)

Json = dict[str, Any]


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


# status, track, support


async def test_status_and_track_are_for_the_buyer_alone(world: SellerWorld) -> None:
    bought = await world.buy(10)
    assert await world.status(bought["beckn:id"]) == bought
    tracking = await world.send(Action.TRACK, {"tracking": {"id": bought["beckn:id"]}})
    url = tracking["tracking"]["url"]
    assert url.startswith(f"{BPP_URL}/track/")
    assert bought["beckn:id"] not in url
    again = await world.send(Action.TRACK, {"tracking": {"id": bought["beckn:id"]}})
    assert again["tracking"]["url"] == url
    for action, message in (
        (Action.STATUS, {"order": {"beckn:id": bought["beckn:id"]}}),
        (Action.TRACK, {"tracking": {"id": bought["beckn:id"]}}),
    ):
        assert (await world.refusal(action, message, bap_id="x.example")).code == "BIZ_ORDER_NOT_FOUND"


async def test_support_names_the_sellers_help_desk(world: SellerWorld) -> None:
    bought = await world.buy(10)
    for kind, name in (("ORDER", bought["beckn:id"]), ("ITEM", ITEM), ("PROVIDER", SELLER), ("OTHER", "x")):
        support = (await world.send(Action.SUPPORT, {"refId": name, "refType": kind}))["support"]
        assert support["email"] == "help@valley-solar.example"
    unknown = await world.refusal(Action.SUPPORT, {"refId": "nobody", "refType": "PROVIDER"})
    assert unknown.code == "BIZ_PROVIDER_NOT_FOUND"


# rating


def _rating(target: str, value: Decimal | int, **more: Any) -> Json:
    return {
        "@context": "https://x.example",
        "@type": "beckn:RatingInput",
        "id": target,
        "ratingValue": value,
        **more,
    }


async def test_ratings_are_kept_once_a_buyer_and_add_up(world: SellerWorld) -> None:
    bought = await world.buy(10)
    order_id = bought["beckn:id"]
    first = await world.send(Action.RATING, {"ratings": [_rating(order_id, 2, category="ORDER")]})
    assert first["aggregate"] == {"count": 1, "value": Decimal("2.00"), "best": 5, "worst": 0}
    changed = _rating(order_id, 8, category="ORDER", bestRating=10, worstRating=0)
    second = await world.send(Action.RATING, {"ratings": [changed]})
    assert second["aggregate"]["value"] == Decimal("4.00")
    of_item = [_rating(ITEM, 5, category="ITEM"), _rating(SELLER, 4, category="PROVIDER")]
    both = await world.send(Action.RATING, {"ratings": of_item})
    assert (both["aggregate"]["count"], both["aggregate"]["value"]) == (2, Decimal("4.50"))


async def test_only_buyers_rate_and_only_on_the_scale(world: SellerWorld) -> None:
    stranger = await world.refusal(Action.RATING, {"ratings": [_rating(ITEM, 5, category="ITEM")]})
    assert stranger.code == "BIZ_RATING_TARGET_NOT_FOUND"
    bought = await world.buy(10)
    for rating in (_rating(bought["beckn:id"], 6), _rating(bought["beckn:id"], 1, worstRating=5)):
        assert (await world.refusal(Action.RATING, {"ratings": [rating]})).code == "BIZ_INVALID_RATING_VALUE"
    assert (await world.send(Action.RATING, {"ratings": []}))["aggregate"] == {"count": 0}


# and the official documents


async def test_every_answer_passes_the_official_schema(world: SellerWorld) -> None:
    bought = await world.buy(10)
    order_id = bought["beckn:id"]
    answers = {
        "on_discover": await world.send(Action.DISCOVER, {"text_search": "solar"}),
        "on_select": await world.send(Action.SELECT, {"order": order(3)}),
        "on_init": await world.send(Action.INIT, {"order": order(3)}, transaction_id=str(uuid4())),
        "on_confirm": {"order": bought},
        "on_status": {"order": await world.status(order_id)},
        "on_track": await world.send(Action.TRACK, {"tracking": {"id": order_id}}),
        "on_rating": await world.send(Action.RATING, {"ratings": [_rating(order_id, 5)]}),
        "on_support": await world.send(Action.SUPPORT, {"refId": order_id, "refType": "ORDER"}),
        "on_update": await world.send(Action.UPDATE, {"order": order(3, order_id=order_id)}),
        "on_cancel": await world.send(Action.CANCEL, {"order": {"beckn:id": order_id}}),
    }
    for action, message in answers.items():
        context = world.inbound(Action.SELECT, {"order": order()}).raw
        document = {"context": _context_of(context, action), "message": message}
        assert official_message_errors(action, document) == []


def _context_of(raw: bytes, action: str) -> Json:
    context: Json = orjson.loads(raw)["context"]
    return context | {"action": action}
