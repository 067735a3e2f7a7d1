"""Promotions for some orders alone, at a seller's platform: on every wire, frozen, counted, and bound to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from bpp.catalog_file.reader import CatalogueInvalid, read_catalogue
from bpp.changes.seller_changes import Operator, SellerWish, propose_as_seller
from bpp.platform import Bpp
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.money import Money
from node.audit import Actor
from protocol.actions import Action
from protocol.profile import PROFILES, V1_1, V2_RC, Profile
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.market_world import market_world
from tests.support.order_lines import (
    AFTERNOON,
    AFTERNOON_HOURS,
    AFTERNOON_LINE,
    MORNING_HOURS,
    MORNING_LINE,
    buy_lines,
    line_of,
    two_offers,
    written,
)
from tests.support.seller_world import CATALOGUE_FILE, OFFER, WANTED, WINDOW, SellerWorld, correspondent
from trading.cancellation import Reason
from trading.charges import AmountOff, Discount
from trading.contracts import ContractStore
from trading.listing import list_offer
from trading.mapping import wire_of
from trading.mapping.lines import read_lines, write_lines
from trading.promotion import Promotion
from trading.refusals import QuantityOutOfBounds
from trading.request import OrderRequest
from trading.tables import contract_promotions

Json = dict[str, Any]
CODE = "SPRING-26"
LETTER = "{title: Letter, amount: 0.50, code: SPRING-26, uses_per_buyer: 1}"
WELCOME = "{title: Welcome, percent: 10, first_order: true}"
HALF = AmountOff(title="Letter", amount=Money.of("0.50", Currency("USD")))
BULK = "{title: Bulk, percent: 20, minimum_kwh: 10}"
every_wire = pytest.mark.parametrize("profile", list(PROFILES.values()), ids=list(PROFILES))


def platform(*promotions: str) -> Bpp:
    text = CATALOGUE_FILE.read_text() + f"    promotions: [{', '.join(promotions)}]\n"
    return Bpp(catalogue=read_catalogue(text, name="catalogue"), correspondent=correspondent())


async def seller(uow_factory: UnitOfWorkFactory, *promotions: str, profile: Profile = V2_RC) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory, profile=profile, bpp=platform(*promotions)).open()


async def asked(world: SellerWorld, request: OrderRequest, action: Action = Action.INIT, **to: Any) -> Json:
    return await world.send(action, wire_of(world.profile.name).write_order_request(request), **to)


def price(world: SellerWorld, message: Json) -> Decimal:
    wire = wire_of(world.profile.name)
    value = wire.find_parts(message[wire.ORDER_KEY]).value
    assert value is not None
    return Decimal(value["value"])


async def seller_of_two(
    uow_factory: UnitOfWorkFactory, promotion: Promotion, profile: Profile, *, only: str | None = None
) -> SellerWorld:
    sold = two_offers()
    offers = tuple(
        replace(each, promotions=(promotion,)) if only in (None, each.id) else each for each in sold.offers
    )
    world = SellerWorld(uow_factory=uow_factory, profile=profile)
    return await world.selling(catalogue=replace(sold, offers=offers)).open()


async def refused(
    world: SellerWorld, request: OrderRequest, action: Action = Action.INIT, **to: Any
) -> NodeError:
    return await world.refusal(action, wire_of(world.profile.name).write_order_request(request), **to)


@every_wire
async def test_a_code_is_named_quoted_held_and_sold_on_every_wire(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await seller(uow_factory, LETTER, profile=profile)
    with_code = replace(WANTED, code=CODE)
    assert price(world, await asked(world, WANTED, Action.SELECT)) == Decimal("4.00")
    assert price(world, await asked(world, with_code, Action.SELECT)) == Decimal("3.50")
    held = await asked(world, with_code)
    assert price(world, held) == Decimal("3.50")
    assert price(world, await world.send(Action.CONFIRM, held)) == Decimal("3.50")
    unknown = await refused(world, replace(WANTED, code="AUTUMN"), transaction_id=str(uuid4()))
    assert (unknown.code, "AUTUMN" in unknown.message) == ("BIZ_OFFER_NOT_FOUND", False)
    again = await refused(world, with_code, transaction_id=str(uuid4()))
    assert (again.code, "the code is used already" in again.message) == ("POL_GENERIC_ERROR", True)


async def test_no_code_is_listed_and_what_needs_none_is_told(uow_factory: UnitOfWorkFactory) -> None:
    world = await seller(uow_factory, LETTER, WELCOME)
    [offer] = world.bpp.catalogue.offers
    assert list_offer(offer).description == "Welcome: 10 % less for a first order."
    assert CODE not in str(list_offer(offer))


async def test_a_contract_has_a_plain_discount_and_keeps_no_code_in_the_clear(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await seller(uow_factory, LETTER)
    held = (await asked(world, replace(WANTED, code=CODE)))["order"]
    async with uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(held["beckn:id"])
        [row] = (await uow.connection.execute(select(contract_promotions))).all()
    assert [off.title for off in contract.terms.promotions] == ["Letter"]
    assert (row.title, CODE.encode() in row.code_sha256) == ("Letter", False)


async def test_only_the_code_that_was_agreed_on_is_confirmed(uow_factory: UnitOfWorkFactory) -> None:
    world = await seller(uow_factory, LETTER)
    held = (await asked(world, WANTED))["order"]
    late = await refused(world, replace(WANTED, order_id=held["beckn:id"], code=CODE), Action.CONFIRM)
    assert late.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"
    await asked(world, replace(WANTED, code=CODE))
    other = await refused(world, replace(WANTED, order_id=held["beckn:id"], code="OTHER"), Action.CONFIRM)
    assert other.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"
    confirmed = await asked(world, replace(WANTED, order_id=held["beckn:id"], code=CODE), Action.CONFIRM)
    assert price(world, confirmed) == Decimal("3.50")


async def test_a_first_order_is_one_also_while_it_is_only_held(uow_factory: UnitOfWorkFactory) -> None:
    world = await seller(uow_factory, WELCOME)
    small = replace(WANTED, quantity=Energy(5_000))
    first = await asked(world, small)
    assert price(world, first) == Decimal("3.18")  # 0.75 less 10 %, and 2.50; a half is rounded up
    assert price(world, await asked(world, small)) == Decimal("3.18")  # the same one again
    assert price(world, await asked(world, small, transaction_id=str(uuid4()))) == Decimal("3.25")
    other = replace(small, buyer_id="miller-2")
    assert price(world, await asked(world, other, transaction_id=str(uuid4()))) == Decimal("3.18")
    world.clock.advance(timedelta(hours=1))  # what was held has lapsed
    bought = str(uuid4())
    await world.send(Action.CONFIRM, await asked(world, small, transaction_id=bought), transaction_id=bought)
    late = await asked(world, small, Action.SELECT, transaction_id=str(uuid4()))
    assert price(world, late) == Decimal("3.25")


async def test_of_two_orders_that_are_held_at_once_one_is_the_first(uow_factory: UnitOfWorkFactory) -> None:
    first = Promotion(off=Discount(title="Welcome", percent=Decimal(10)), first_order=True)
    world = await seller_of_two(uow_factory, first, V2_RC)
    one = await world.send(Action.INIT, written(world, MORNING_LINE), transaction_id=str(uuid4()))
    other = await world.send(Action.INIT, written(world, AFTERNOON_LINE), transaction_id=str(uuid4()))
    assert (price(world, one), price(world, other)) == (Decimal("4.53"), Decimal("1.80"))


@pytest.mark.parametrize("action", [Action.SELECT, Action.INIT])
async def test_a_buyer_whose_id_cannot_be_kept_is_refused(
    uow_factory: UnitOfWorkFactory, action: Action
) -> None:
    world = await seller(uow_factory, WELCOME)
    refusal = await refused(world, replace(WANTED, buyer_id="baker\0"), action)
    assert refusal.message == "the buyer's id holds a control character"


async def test_what_is_for_much_binds_the_contract_to_so_much(uow_factory: UnitOfWorkFactory) -> None:
    world = await seller(uow_factory, BULK)
    assert price(world, await asked(world, replace(WANTED, quantity=Energy(9_999)), Action.SELECT)) > Decimal(
        "3.9"
    )
    held = await asked(world, WANTED)
    assert price(world, held) == Decimal("3.70")
    await world.send(Action.CONFIRM, held)
    order_id = held["order"]["beckn:id"]
    more = await asked(world, replace(WANTED, order_id=order_id, quantity=Energy(12_000)), Action.UPDATE)
    assert price(world, more) == Decimal("3.94")
    less = await refused(world, replace(WANTED, order_id=order_id, quantity=Energy(9_000)), Action.UPDATE)
    assert "the contract has the promotion Bulk, which is for 10 kWh or more" in less.message
    wish = SellerWish(request=OrderRequest(quantity=Energy(9_000)))
    by = Operator(actor=Actor(who="desk"), why=Reason(words="clouds"), now=world.clock.now())
    with pytest.raises(QuantityOutOfBounds, match="the contract has the promotion Bulk"):
        async with uow_factory() as uow:
            await propose_as_seller(world.bpp, order_id, wish, uow, by=by)


async def test_of_two_orders_at_once_one_has_what_a_buyer_has_once(uow_factory: UnitOfWorkFactory) -> None:
    world = await seller(uow_factory, LETTER)
    request = replace(WANTED, quantity=Energy(1_000), code=CODE)
    tried = await asyncio.gather(
        *(asked(world, request, transaction_id=str(uuid4())) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(each, NodeError) for each in tried) == 3


async def test_a_validity_that_the_window_does_not_touch_is_not_met(uow_factory: UnitOfWorkFactory) -> None:
    validity = f"{{start: {WINDOW.end.isoformat()}, end: 2027-01-01T00:00:00Z}}"
    later = f"{{title: Letter, amount: 0.50, code: {CODE}, validity: {validity}}}"
    world = await seller(uow_factory, later)
    assert "not for that time" in (await refused(world, replace(WANTED, code=CODE))).message


@pytest.mark.parametrize(
    "wrong",
    [
        [LETTER, "{title: Other, percent: 1, code: SPRING-26}"],
        [LETTER, "{title: Letter, percent: 1, minimum_kwh: 3}"],
        ["{title: Short, percent: 1, code: abc}"],
        ["{title: Blank, percent: 1, code: 'a b c d'}"],
        ["{title: Never, percent: 1, uses_per_buyer: 0}"],
    ],
)
def test_promotions_that_cannot_be_told_apart_or_used_are_refused(wrong: list[str]) -> None:
    with pytest.raises(CatalogueInvalid):
        platform(*wrong)


@every_wire
async def test_an_app_names_a_code_and_buys_at_the_price_of_it(database: Database, profile: Profile) -> None:
    async with market_world(database, profile=profile, bpp=platform(LETTER)) as world:
        quote = await world.quoted(code=CODE)
        assert quote["price"]["total"]["amount"] == "3.50"
        assert "Letter" in str(quote["price"]["lines"])
        await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
        await world.answer_all()
        order = (await world.get(f"/orders/{quote['id']}")).json()
        assert (order["status"], order["price"]["total"]["amount"]) == ("active", "3.50")
        await world.post(f"/orders/{quote['id']}/update", {"kwh": "12"})
        await world.answer_all()
        changed = (await world.get(f"/orders/{quote['id']}")).json()
        assert (changed["kwh"], changed["problem"]) == ("12", None)
        wrong = await world.quoted(code="AUTUMN")
        assert wrong["problem"]["type"] == "urn:degnode:problem:offer-gone"


@every_wire
async def test_each_line_of_an_order_has_a_code_of_its_own(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await seller_of_two(uow_factory, Promotion(off=HALF, code=CODE), profile, only=AFTERNOON)
    with_code = replace(AFTERNOON_LINE, code=CODE)
    assert price(world, await world.send(Action.SELECT, written(world, MORNING_LINE, with_code))) == Decimal(
        "6.05"
    )
    bought = await buy_lines(world, MORNING_LINE, with_code)
    assert [str(each.quote.total.amount) for each in bought] == ["4.75", "1.30"]
    elsewhere = written(world, replace(MORNING_LINE, code=CODE), AFTERNOON_LINE)
    refusal = await world.refusal(Action.INIT, elsewhere, transaction_id=str(uuid4()))
    assert (refusal.code, refusal.message) == ("BIZ_OFFER_NOT_FOUND", "line 1: the offer has no such code")


@pytest.mark.parametrize("uses", [1, 2, None])
async def test_an_amount_that_a_buyer_has_so_often_is_taken_off_an_order_once(
    uow_factory: UnitOfWorkFactory, uses: int | None
) -> None:
    world = await seller_of_two(uow_factory, Promotion(off=HALF, code=CODE, uses=uses), V2_RC)
    lines = [line_of(OFFER, 5, hours) for hours in (MORNING_HOURS, AFTERNOON_HOURS)]
    twice = written(world, *(replace(line, code=CODE) for line in lines))
    if uses is None:
        assert price(world, await world.send(Action.SELECT, twice)) == Decimal("5.50")
        return
    refusal = await world.refusal(Action.INIT, twice)
    assert refusal.message == "line 2: the code is had by another line of the order"
    bought = await buy_lines(world, replace(lines[0], code=CODE), lines[1])
    assert [str(each.quote.total.amount) for each in bought] == ["2.75", "3.25"]


async def test_an_order_of_two_lines_uses_a_per_cent_once(uow_factory: UnitOfWorkFactory) -> None:
    off = Discount(title="Letter", percent=Decimal(20))
    world = await seller_of_two(uow_factory, Promotion(off=off, code=CODE, uses=2), V2_RC)
    lines = [replace(line_of(OFFER, 5, hours), code=CODE) for hours in (MORNING_HOURS, AFTERNOON_HOURS)]
    held = await world.send(Action.INIT, written(world, *lines))
    assert price(world, held) == Decimal("6.20")
    again = await world.send(Action.INIT, written(world, lines[0]), transaction_id=str(uuid4()))
    assert price(world, again) == Decimal("3.10")
    third = await world.refusal(Action.INIT, written(world, lines[0]), transaction_id=str(uuid4()))
    assert third.message == "the code is used 2 times already"


@pytest.mark.parametrize("lines", [(AFTERNOON_LINE,), (MORNING_LINE, AFTERNOON_LINE)], ids=["one", "two"])
def test_in_v1_1_a_code_of_the_order_is_for_every_item_without_one(lines: tuple[OrderRequest, ...]) -> None:
    wire = wire_of(V1_1.name)
    message = write_lines(
        wire, [replace(each, code="OTHER" if each is MORNING_LINE else None) for each in lines], sent={}
    )
    order = message["order"]
    order["items"][-1]["orderAttributes"] = {"tradeStartTime": "2026-01-09T15:00:00Z"}
    order["tags"] = [
        {
            "descriptor": {"code": "purchaseTerms"},
            "list": [{"descriptor": {"code": "promotionCode"}, "value": CODE}],
        }
    ]
    assert [each.code for each in read_lines(wire, message).lines] == ["OTHER", CODE][-len(lines) :]


async def test_in_an_app_each_of_several_items_has_a_code_of_its_own(database: Database) -> None:
    async with market_world(database, profile=V2_RC, bpp=platform(LETTER)) as world:
        [offer] = (await world.found())["offers"]
        item = {"offer_id": offer["id"], "kwh": "10"}
        both = await world.post("/quotes", {"items": [item | {"code": CODE}], "meter": "98765456"})
        assert both.status_code == 201
        beside = await world.post("/quotes", {"items": [item], "code": CODE, "meter": "98765456"})
        assert (beside.status_code, beside.json()["where"]) == (422, "body.code")
