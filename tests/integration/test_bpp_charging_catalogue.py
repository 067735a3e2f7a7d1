"""A charging station in the catalogue: found by its plug, told on every wire, quoted to the last digit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import simplejson

from bpp.catalog_file.reader import CatalogueInvalid, read_catalogue
from kernel.energy import ZERO_ENERGY, Energy
from kernel.money import Money
from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import CHARGE, EXAMPLE, NOON, PLUG, PLUG_METER, station, station_catalogue
from tests.support.seller_world import SellerWorld
from trading.charging.connector import ConnectorType
from trading.charging.fees import NO_TIME, MinuteFee
from trading.charging.records import session_from_record
from trading.listing import list_catalogue
from trading.mapping import wire_of
from trading.mapping.bags.charging_service import UNKNOWN_SOURCE
from trading.records import terms_from_record, terms_to_record
from trading.request import Criteria, FinderFee

Json = dict[str, Any]
generations = pytest.mark.parametrize("profile", [V1_1, V2_RC, V2_LTS], ids=lambda profile: profile.name)
TEXT = EXAMPLE.read_text(encoding="utf-8")
CORPUS = "corpus/rc/ev-charging"


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await station(uow_factory).open()


def quote_parts(world: SellerWorld, answer: Json) -> Sequence[tuple[str, Decimal]]:
    wire = wire_of(world.profile.name)
    value = wire.find_parts(answer[wire.ORDER_KEY]).value
    assert value is not None
    parts = [(part["type"], Decimal(str(part["value"]))) for part in value["components"]]
    assert Decimal(str(value["value"])) == sum(amount for _, amount in parts)
    return parts


@generations
async def test_the_quote_is_the_published_one_to_the_last_digit(
    world: SellerWorld, profile: Profile, shared: Path
) -> None:
    cases = simplejson.loads((shared / "golden" / "billing.json").read_text(), use_decimal=True)
    [golden] = [case for case in cases if case["name"] == "EV charging quote"]
    speaking = world.speaking(profile)
    answer = await speaking.send(Action.SELECT, wire_of(profile.name).write_order_request(CHARGE))

    expected = [(kind, Decimal(amount)) for kind, amount in golden["components"]]
    assert quote_parts(speaking, answer) == expected
    assert sum(amount for _, amount in expected) == Decimal(golden["total"])


async def test_the_published_select_of_a_platform_is_quoted_as_published(
    world: SellerWorld, shared: Path
) -> None:
    [file] = (shared / CORPUS / "04_on_select").glob("*.json")
    published = simplejson.loads(file.read_text(), use_decimal=True)["message"]["order"]
    asked = {key: value for key, value in published.items() if key != "beckn:orderValue"}
    asked["beckn:orderAttributes"] = asked["beckn:orderAttributes"] | {
        "preferences": {"startTime": "2026-01-09T13:00:00Z", "endTime": "2026-01-09T14:30:00Z"}
    }
    answer = await world.send(Action.SELECT, {"order": asked})
    told = [
        (part["type"], Decimal(str(part["value"]))) for part in published["beckn:orderValue"]["components"]
    ]
    assert quote_parts(world, answer) == told


@generations
async def test_a_listing_of_plugs_survives_as_far_as_the_wire_has_room(
    world: SellerWorld, profile: Profile
) -> None:
    wire = wire_of(profile.name)
    [found] = wire.read_catalog(await world.speaking(profile).send(Action.DISCOVER, _all(profile)))
    sent = list_catalogue(station_catalogue(), left={})
    [plug] = sent.resources
    source = replace(plug, source=UNKNOWN_SOURCE)
    expected = replace(source, available=ZERO_ENERGY) if profile is V2_RC else source
    assert found.resources == (expected,)
    [offer] = found.offers
    assert offer.terms.idle == MinuteFee(amount=Money.of(2, offer.terms.price.currency), minutes=10)
    assert offer.terms.idle.grace == NO_TIME  # told in words
    assert "after 10 minutes" in offer.description
    assert "A reserved slot is kept for 15 minutes" in offer.description
    assert PLUG_METER not in simplejson.dumps(wire.write_items(sent), use_decimal=True)


def _all(profile: Profile) -> Json:
    return wire_of(profile.name).write_criteria(Criteria(words=("charger",)))


async def test_a_published_search_for_a_plug_finds_it(world: SellerWorld, shared: Path) -> None:
    file = shared / CORPUS / "01_discover" / "discovery-within-boundary-with-connection-spec.json"
    message = json.loads(file.read_text())["message"]
    answer = await world.send(Action.DISCOVER, message)
    assert [item["beckn:id"] for item in answer["catalogs"][0]["beckn:items"]] == [PLUG]

    stronger = json.loads(json.dumps(message).replace(">= 50", ">= 100"))
    assert (await world.send(Action.DISCOVER, stronger))["catalogs"] == []
    farther = json.loads(json.dumps(message).replace("12.94", "13.94"))
    assert (await world.send(Action.DISCOVER, farther))["catalogs"] == []


async def test_a_walk_in_lasts_from_now_and_a_slot_as_asked(world: SellerWorld) -> None:
    wire = wire_of(V2_RC.name)
    walk_in = await world.send(Action.INIT, wire.write_order_request(CHARGE))
    told = wire.read_contract(walk_in["order"])
    assert (told.window.start, told.window.duration) == (NOON, timedelta(hours=4))

    start, end = NOON + timedelta(hours=6), NOON + timedelta(hours=7)
    slot = replace(CHARGE, trade_start=start, trade_end=end)
    world.transaction_id = "another"
    held = wire.read_contract((await world.send(Action.INIT, wire.write_order_request(slot)))["order"])
    assert (held.window.start, held.window.end) == (start, end)


@pytest.mark.parametrize(
    ("hours", "said"), [((2, 1), "ends before it starts"), ((1, 6), "lasts 4:00:00 at most")]
)
async def test_a_session_is_neither_backwards_nor_endless(
    world: SellerWorld, hours: tuple[int, int], said: str
) -> None:
    start, end = (NOON + timedelta(hours=hour) for hour in hours)
    slot = replace(CHARGE, trade_start=start, trade_end=end)
    message = wire_of(V2_RC.name).write_order_request(slot)
    refusal = await world.refusal(Action.SELECT, message)
    assert refusal.code == "BIZ_FULFILLMENT_UNAVAILABLE"
    assert said in refusal.message or "ends before" in refusal.message


async def test_a_plug_that_takes_no_reservations_takes_who_stands_there(world: SellerWorld) -> None:
    sold = world.bpp.catalogue
    [plug] = sold.resources
    assert plug.connector is not None
    first_come = replace(plug, connector=replace(plug.connector, reservable=False))
    world = world.selling(catalogue=replace(sold, resources=(first_come,)))
    wire = wire_of(V2_RC.name)
    assert await world.send(Action.SELECT, wire.write_order_request(CHARGE))
    slot = replace(CHARGE, trade_start=NOON + timedelta(hours=1), trade_end=NOON + timedelta(hours=2))
    refusal = await world.refusal(Action.SELECT, wire.write_order_request(slot))
    assert "takes no reservations" in refusal.message


async def test_another_fee_for_the_buyers_platform_is_refused(world: SellerWorld) -> None:
    message = wire_of(V2_RC.name).write_order_request(CHARGE)
    bag = {
        "@context": "https://example.org/EvChargingSession/v1/context.jsonld",
        "@type": "ChargingSession",
        "buyerFinderFee": {"feeType": "PERCENTAGE", "feeValue": 5},
    }
    message["order"]["beckn:orderAttributes"] = bag
    refusal = await world.refusal(Action.SELECT, message)
    assert "finder fee" in refusal.message
    assert refusal.hint == "The offer has 2.5 %."


def test_terms_of_a_session_are_kept_exactly() -> None:
    [offer] = station_catalogue().offers
    record = json.loads(json.dumps(terms_to_record(offer.terms)))
    assert terms_from_record(record) == offer.terms
    assert session_from_record({"longest_seconds": 60}, offer.terms.currency, ()).extra == ZERO_ENERGY


def test_the_example_says_what_it_means() -> None:
    sold = station_catalogue()
    [plug], [offer] = sold.resources, sold.offers
    session = offer.terms.session
    assert plug.connector is not None
    assert session is not None
    assert (plug.connector.type, plug.connector.max_power) == (ConnectorType.CCS2, Decimal(60))
    assert session.extra == Energy(300)
    assert session.start_grace == timedelta(minutes=15)
    assert str(FinderFee("AMOUNT", Decimal(3))) == "3"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("EV_CHARGING #", "V2G #", "a connector charges vehicles"),
        ("{percent: 2.5} #", "{percent: 2.5, amount: 3} #", "either a percent or an amount"),
        ("type: CCS2 #", "type: CCS3 #", "connector.type"),
        ("longest_minutes: 240", "longest_minutes: 0", "session.longest_minutes"),
        ("kwh: 0.3}", "kwh: -1}", "session.buffer.kwh"),
        (
            "    zone: Asia/Kolkata",
            "    penalties: [{side: BUYER, per_kwh: 1}]\n    zone: UTC",
            "no penalties",
        ),
    ],
)
def test_what_nobody_could_be_charged_by_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(CatalogueInvalid, match=said):
        read_catalogue(TEXT.replace(old, new), name="station.yaml")


def test_terms_of_sessions_need_a_connector() -> None:
    start, end = TEXT.index("    connector:"), TEXT.index("offers:")
    with pytest.raises(CatalogueInvalid, match="only a resource with a connector is sold in sessions"):
        read_catalogue(TEXT[:start] + TEXT[end:], name="station.yaml")
