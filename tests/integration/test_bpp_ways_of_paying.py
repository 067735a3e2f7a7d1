"""How an order is paid: chosen among what its offer has, frozen, and the same from then on, on every wire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bpp.catalog_file.reader import CatalogueInvalid, read_catalogue
from bpp.platform import Bpp
from kernel.energy import Energy
from protocol.actions import Action
from protocol.profile import PROFILES, V1_1, V2_RC, Profile
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.market_world import market_world
from tests.support.seller_world import CATALOGUE_FILE, WANTED, SellerWorld, correspondent
from trading.contracts import ContractStore
from trading.listing import list_offer
from trading.mapping import wire_of
from trading.terms import PaymentTiming

Json = dict[str, Any]
PREPAID, POSTPAID = PaymentTiming.PREPAID, PaymentTiming.POSTPAID
every_wire = pytest.mark.parametrize("profile", list(PROFILES.values()), ids=list(PROFILES))


def platform(*lines: str) -> Bpp:
    text = CATALOGUE_FILE.read_text() + "".join(f"    {line}\n" for line in lines)
    return Bpp(catalogue=read_catalogue(text, name="catalogue"), correspondent=correspondent())


BOTH = "payment: [postpaid, prepaid]"


async def seller(uow_factory: UnitOfWorkFactory, profile: Profile, *lines: str) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory, profile=profile, bpp=platform(*lines)).open()


async def asked(world: SellerWorld, payment: PaymentTiming | None, action: Action = Action.INIT) -> Json:
    wire = wire_of(world.profile.name)
    return await world.send(action, wire.write_order_request(replace(WANTED, payment=payment)))


def told(world: SellerWorld, message: Json) -> PaymentTiming | None:
    wire = wire_of(world.profile.name)
    return wire.find_parts(message[wire.ORDER_KEY]).payment


async def frozen(world: SellerWorld, message: Json) -> PaymentTiming:
    wire = wire_of(world.profile.name)
    order_id = wire.find_parts(message[wire.ORDER_KEY]).order_id
    async with world.uow_factory() as uow:
        return (await ContractStore(uow.connection).get(order_id or "")).terms.payment


@every_wire
async def test_the_buyer_chooses_among_the_ways_that_the_offer_has(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await seller(uow_factory, profile, BOTH)
    for payment in (PREPAID, POSTPAID, None):
        assert told(world, await asked(world, payment, Action.SELECT)) in (payment, None)
        held = await asked(world, payment)
        assert await frozen(world, held) is (payment or POSTPAID)
        assert told(world, held) in (payment, POSTPAID)


@every_wire
async def test_a_way_that_the_offer_does_not_have_is_refused_with_those_that_it_has(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await seller(uow_factory, profile)
    wire = wire_of(profile.name)
    message = wire.write_order_request(replace(WANTED, payment=PREPAID))
    for action in (Action.SELECT, Action.INIT):
        refusal = await world.refusal(action, message)
        assert (refusal.code, refusal.hint) == ("BIZ_PAYMENT_NOT_SUPPORTED", "It can be postpaid.")


@every_wire
async def test_with_counter_terms_it_is_answered_with_the_usual_way_and_only_that_is_confirmed(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await seller(uow_factory, profile, "counter_terms: true")
    wire = wire_of(profile.name)
    held = await asked(world, PREPAID)
    assert told(world, held) is await frozen(world, held) is POSTPAID
    order_id = wire.find_parts(held[wire.ORDER_KEY]).order_id
    async with uow_factory() as uow:
        [entry] = await ContractStore(uow.connection).history(order_id or "")
    assert entry.reason == "prepaid became postpaid"
    otherwise = wire.write_order_request(replace(WANTED, order_id=order_id, payment=PREPAID))
    refusal = await world.refusal(Action.CONFIRM, otherwise)
    assert (refusal.code, refusal.hint) == (
        "BIZ_QUOTE_EXPIRED_OR_CHANGED",
        "Agreed was postpaid; send init again for anything else.",
    )
    confirmed = await world.send(Action.CONFIRM, held)
    assert told(world, confirmed) is POSTPAID
    refusal = await world.refusal(Action.UPDATE, wire.write_update(wire.read_order(otherwise)))
    assert refusal.code == "BIZ_INVALID_UPDATE_TARGET"


@every_wire
async def test_what_is_chosen_ahead_needs_a_deposit_that_reaches(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await seller(uow_factory, profile, BOTH)
    refusal = await world.refusal(Action.CONFIRM, await asked(world, PREPAID))
    assert refusal.code == "BIZ_PAYMENT_FAILED"
    await world.send(Action.CONFIRM, await asked(world, POSTPAID))


async def test_a_way_that_there_is_not_is_refused(uow_factory: UnitOfWorkFactory) -> None:
    world = await seller(uow_factory, V2_RC, BOTH)
    message = wire_of("v2_rc").write_order_request(replace(WANTED, payment=PREPAID))
    wrong: tuple[object, ...] = ("LATER", 7, ["PREPAID"], {})
    for words in wrong:
        message["order"]["beckn:orderItems"][0]["beckn:purchaseTerms"] = {"payment": words}
        refusal = await world.refusal(Action.INIT, message)
        assert (refusal.code, refusal.hint) == ("SCH_INVALID_FORMAT", "Name one of POSTPAID, PREPAID.")


async def test_in_v1_1_what_is_ahead_keeps_the_word_that_the_buyer_has_for_it(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await seller(uow_factory, V1_1, "payment: prepaid")
    wire = wire_of("v1_1")
    message = wire.write_order_request(WANTED)
    assert (await world.send(Action.INIT, message))["order"]["payments"][0]["type"] == "PRE-ORDER"
    message["order"]["payments"] = [{"type": "PRE-FULFILLMENT"}]
    assert (await world.send(Action.INIT, message))["order"]["payments"][0]["type"] == "PRE-FULFILLMENT"


def test_a_catalogue_names_each_way_once_and_offers_tell_them_in_words() -> None:
    [offer] = platform(BOTH).catalogue.offers
    assert offer.payments == (POSTPAID, PREPAID)
    assert list_offer(offer).description == (
        "It is paid after delivery, or ahead if the buyer asks for that. If it is paid ahead, what all of it "
        "costs is set aside from the buyer's deposit at confirm."
    )
    for wrong in ("payment: [prepaid, prepaid]", "payment: []", "payment: later"):
        with pytest.raises(CatalogueInvalid):
            platform(wrong)


@every_wire
async def test_an_app_says_how_it_pays_and_buys_at_once_only_so(database: Database, profile: Profile) -> None:
    async with market_world(database, profile=profile, bpp=platform(BOTH)) as world:
        quote = await world.quoted(payment="postpaid")
        await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
        await world.answer_all()
        order = (await world.get(f"/orders/{quote['id']}")).json()
        assert (order["status"], order["payment"]) == ("active", "postpaid")
        ahead = await world.quoted(payment="prepaid")
        await world.post("/orders", {"quote_id": ahead["id"], "confirm": True})
        await world.answer_all()
        order = (await world.get(f"/orders/{ahead['id']}")).json()
        assert (order["status"], order["payment"]) == ("held", "prepaid")
        assert order["problem"]["type"] == "urn:degnode:problem:payment-needed"


async def test_what_is_held_to_be_paid_otherwise_is_not_bought(database: Database) -> None:
    async with market_world(database, profile=V2_RC, bpp=platform(BOTH)) as world:
        for answer, words in (("PREPAID", "prepaid"), (None, "without saying how it is paid")):
            quote = await world.quoted(payment="postpaid")
            await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
            [row] = await world.requests()
            held = await world._say(row)
            assert isinstance(held, dict)
            held["order"]["beckn:orderItems"][0]["beckn:purchaseTerms"] = {"payment": answer}
            await world.answer(row, held)
            assert await world.requests() == []
            order = (await world.get(f"/orders/{quote['id']}")).json()
            assert order["problem"]["type"] == "urn:degnode:problem:payment-refused"
            assert order["problem"]["detail"] == f"Ordered was to pay postpaid; the seller holds it {words}."


async def test_a_way_that_the_seller_does_not_have_is_told_as_that(database: Database) -> None:
    async with market_world(database, profile=V2_RC, bpp=platform()) as world:
        quote = await world.quoted(payment="prepaid")
        assert quote["problem"]["type"] == "urn:degnode:problem:payment-refused"
        assert quote["problem"]["seller_said"].endswith("It can be postpaid.")


async def test_an_order_older_than_ways_of_paying_is_changed_by_who_sends_it_back_as_it_was(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await seller(uow_factory, V1_1)
    wire = wire_of("v1_1")
    bought = await world.buy_wanted()
    async with uow_factory() as uow:
        store = ContractStore(uow.connection)
        contract = await store.get(bought.order_id, lock=True)
        said = dict(contract.buyer_order) | {"payments": [{"type": "PRE-ORDER"}]}
        await store.save(replace(contract, buyer_order=said))
    more = replace(WANTED, order_id=bought.order_id, quantity=Energy(12_000), payment=PREPAID)
    told_of = await world.send(Action.UPDATE, wire.write_update(more))
    assert wire.read_contract(told_of["order"]).quantity == Energy(12_000)
    assert told(world, told_of) is POSTPAID
