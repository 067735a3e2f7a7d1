"""What cancelling late costs: billed or credited at once, told with its reason, and computed anew."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bpp.accounts.statements import make_statement
from bpp.changes.seller_changes import Operator, cancel_as_seller
from bpp.payments.desk import PaymentDesk
from degnode.bill_verifier.verify import verify_statement
from degnode.bill_views import print_statement
from kernel.currency import Currency
from kernel.money import Money
from node.audit import Actor, list_acts
from protocol.actions import Action
from protocol.profile import PROFILES, V1_1, V2_LTS, Profile
from settlement.ledger.accounts import AccountKind
from settlement.payments.kept_sandbox import SANDBOX, KeptSandbox
from settlement.payments.payment import Collector, Payment
from settlement.statements.statement import digest_of
from settlement.store import find_bills
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.monthly_sale import audit, on_account
from tests.support.official import official_message_errors
from tests.support.seller_world import BAP_ID, BPP_ID, WINDOW, SellerWorld, catalogue, order
from trading.cancellation import Reason
from trading.cancellation_terms import CancellationTerm
from trading.charges import Tax
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.request import OrderRequest
from trading.terms import PaymentTiming, SettlementType
from trading.wheeling import Side

Json = dict[str, Any]

USD = Currency("USD")
FEE = CancellationTerm(side=Side.BUYER, notice=timedelta(hours=1), percent=Decimal(25))
COMPENSATION = CancellationTerm(side=Side.SELLER, notice=timedelta(hours=1), amount=Money(75, USD))
LATE = WINDOW.start - timedelta(minutes=10)
OPERATOR = Actor(who="operator")


def selling(uow_factory: UnitOfWorkFactory, **terms: Any) -> SellerWorld:
    sold = catalogue()
    offers = tuple(
        replace(each, terms=replace(each.terms, cancellation=(FEE, COMPENSATION), **terms))
        for each in sold.offers
    )
    return SellerWorld(uow_factory=uow_factory).selling(catalogue=replace(sold, offers=offers))


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await selling(uow_factory).open()


async def cancel_by_seller(world: SellerWorld, order_id: str) -> None:
    by = Operator(actor=OPERATOR, why=Reason(code="R-12", words="the roof is gone"), now=world.clock.now())
    async with world.uow_factory() as uow:
        await cancel_as_seller(world.bpp, order_id, uow, by=by)


async def statement_of(world: SellerWorld, order_id: str) -> Json:
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(order_id)
        [bill] = await find_bills(order_id, uow=uow)
        made = await make_statement(contract, bill.cycle_id, uow, now=world.clock.now())
    found: Json = json.loads(json.dumps(made))
    return found


def with_figure(statement: Json, value: int, *path: str) -> str:
    """Return the statement with another figure, and the digest of that."""
    changed = json.loads(json.dumps(statement))
    place = changed
    for step in path[:-1]:
        place = place[step]
    assert place[path[-1]] != value
    place[path[-1]] = value
    del changed["sha256"]
    return json.dumps(changed | {"sha256": digest_of(changed)})


# by the buyer


async def test_the_fee_is_billed_at_once_and_told_with_the_cancellation(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(LATE)
    cancelled = (await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}}))["order"]
    contract = cancelled["beckn:orderAttributes"]
    assert (cancelled["beckn:orderStatus"], contract["contractStatus"]) == ("CANCELLED", "TERMINATED")
    assert contract["tradeStartTime"] == "2026-01-09T10:00:00Z", "the window is told as it was agreed"
    [bill] = contract["billingCycles"]
    assert (bill["status"], bill["totalAmount"]) == ("PENDING", Decimal("1.00"))
    assert bill["lineItems"][-1] == {
        "title": "Cancellation Fee",
        "amount": Decimal("1.00"),
        "currency": "USD",
    }
    [cycle] = contract["settlementCycles"]
    assert (cycle["cycleId"], cycle["status"]) == ("settle-2026-01-09-001", "SETTLED")
    assert cancelled["beckn:payment"]["beckn:paymentStatus"] == "PENDING"
    assert await on_account(world.uow_factory, AccountKind.RECEIVABLE) == 100
    assert await on_account(world.uow_factory, AccountKind.PAYABLE) == 100
    assert await world.refresh_all() == 0
    assert await world.status(bought["beckn:id"]) == cancelled


async def test_the_fee_bears_the_taxes_that_fees_bear(uow_factory: UnitOfWorkFactory) -> None:
    tax = Tax(title="GST", percent=Decimal(18), jurisdiction="KA")
    world = await selling(uow_factory, taxes=(tax,), settlement_type=SettlementType.HOURLY).open()
    bought = await world.buy(10)
    world.clock.set(LATE)
    cancelled = (await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}}))["order"]
    [bill] = cancelled["beckn:orderAttributes"]["billingCycles"]
    fee = Decimal(
        "6.20"
    )  # a quarter of 1.50 and 8 times 2.50, with 18 per cent of them, as HOURLY is carried
    assert [line["amount"] for line in bill["lineItems"]] == [0, fee + Decimal("0.14"), Decimal("1.14")]
    assert verify_statement(json.dumps(await statement_of(world, bought["beckn:id"]))) == []


async def test_readings_that_come_later_change_nothing_of_what_was_cancelled_before(
    world: SellerWorld,
) -> None:
    bought = await world.buy(10)
    world.clock.set(LATE)
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    before = await world.status(bought["beckn:id"])
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.deliver([1_000] * 8)
    after = await world.status(bought["beckn:id"])
    assert after == before
    assert verify_statement(json.dumps(await statement_of(world, bought["beckn:id"]))) == []


async def test_of_what_was_paid_ahead_the_fee_is_kept_and_the_rest_returns(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await selling(uow_factory, payment=PaymentTiming.PREPAID).open()
    payment = Payment(
        id=uuid4(), payer=BAP_ID, payee=BPP_ID, amount=Money(1_000, USD), collected_by=Collector.BPP
    )
    rail = KeptSandbox(uow_factory=uow_factory, clock=world.clock)
    desk = PaymentDesk(seller=BPP_ID, rail_name=SANDBOX, rail=rail, uow_factory=uow_factory)
    async with uow_factory() as uow:
        await desk.start(payment, uow=uow, now=world.clock.now())
    await desk.ask(payment.id, now=world.clock.now())
    bought = await world.buy(10)
    world.clock.set(LATE)
    cancelled = (await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}}))["order"]
    [bill] = cancelled["beckn:orderAttributes"]["billingCycles"]
    assert (bill["status"], bill["totalAmount"]) == ("PAID", 1)
    assert await on_account(uow_factory, AccountKind.DEPOSIT) == 900
    assert await on_account(uow_factory, AccountKind.ESCROW) == 0
    assert await on_account(uow_factory, AccountKind.RECEIVABLE) == 0
    assert (await audit(uow_factory)).findings == ()


# by the seller


async def test_a_seller_s_cancellation_is_told_put_on_record_and_credited(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(LATE)
    await cancel_by_seller(world, bought["beckn:id"])
    [told] = await world.unsolicited(Action.ON_CANCEL)
    contract = told["beckn:orderAttributes"]
    assert (told["beckn:orderStatus"], contract["contractStatus"]) == ("CANCELLED", "TERMINATED")
    assert [bill["totalAmount"] for bill in contract["billingCycles"]] == [0]
    assert contract["settlementCycles"][-1]["cycleId"] == "settle-2026-01-09-001-seller-penalty"
    assert contract["settlementCycles"][-1]["amount"] == Decimal("0.75")
    assert await on_account(world.uow_factory, AccountKind.CREDIT) == 75
    assert await on_account(world.uow_factory, AccountKind.PAYABLE) == -75
    async with world.uow_factory() as uow:
        [act] = await list_acts(uow, what="contract", limit=10)
        history = await ContractStore(uow.connection).history(bought["beckn:id"])
    assert (act.act.what, act.act.why) == ("contract.cancelled", "R-12: the roof is gone")
    assert history[-1].reason == "operator: R-12: the roof is gone"
    assert await world.refresh_all() == 0


# statements


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("late", [LATE, WINDOW.start, WINDOW.start + timedelta(hours=2)])
async def test_what_a_cancellation_costs_is_explained_and_computed_anew(
    world: SellerWorld, side: Side, late: Any
) -> None:
    bought = await world.buy(10)
    world.clock.set(late)
    if side is Side.BUYER:
        await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    else:
        await cancel_by_seller(world, bought["beckn:id"])
    if late > WINDOW.start:
        await world.deliver([1_000] * 2)
    statement = await statement_of(world, bought["beckn:id"])
    assert verify_statement(json.dumps(statement)) == []
    page = StringIO()
    print_statement(statement, Console(width=160, file=page))
    who = "buyer" if side is Side.BUYER else "seller"
    said = page.getvalue()
    assert f"The {who} cancelled at " in said
    owed = "1.00 USD" if side is Side.BUYER else "0.75 USD"
    assert (
        f"For an order of 4.00 USD it owes the {'seller' if side is Side.BUYER else 'buyer'} {owed}." in said
    )


async def test_each_figure_of_a_cancellation_is_found(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(LATE)
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    statement = await statement_of(world, bought["beckn:id"])
    for name in ("owed_minor", "value_minor"):
        found = verify_statement(with_figure(statement, 7, "contract", "cancellation", name))
        assert found, name
    earlier = json.loads(json.dumps(statement))
    earlier["contract"]["cancellation"]["at"] = "2026-01-09T08:30:00Z"
    del earlier["sha256"]
    found = verify_statement(json.dumps(earlier | {"sha256": digest_of(earlier)}))
    assert {each.path for each in found} >= {"contract.cancellation.owed_minor", "contract.terminated_at"}


async def test_a_cancellation_on_record_cannot_be_changed(world: SellerWorld) -> None:
    bought = await world.buy(10)
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    with pytest.raises(DBAPIError, match="append-only"):
        async with world.uow_factory() as uow:
            await uow.connection.execute(text("UPDATE contract_cancellations SET owed_minor = 1"))


# generations


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
async def test_every_generation_tells_of_a_seller_s_cancellation(
    world: SellerWorld, profile: Profile
) -> None:
    world = world.speaking(profile)
    bought = await world.buy_wanted()
    world.clock.set(LATE)
    await cancel_by_seller(world, bought.order_id)
    [(_, document)] = await world.documents(Action.ON_CANCEL)
    assert official_message_errors(profile.wire_names[Action.ON_CANCEL], document, profile=profile.name) == []
    wire = wire_of(profile.name)
    report = wire.read_contract(document["message"][wire.ORDER_KEY])
    assert (report.status, report.bills[0].total.minor) == ("TERMINATED", 0)


async def test_v1_1_has_terms_reason_and_who_cancelled_in_its_own_parts(world: SellerWorld) -> None:
    world = world.speaking(V1_1)
    wire = wire_of(V1_1.name)
    bought = await world.buy_wanted()
    told = (await world.send(Action.STATUS, wire.write_order_id(OrderRequest(order_id=bought.order_id))))[
        "order"
    ]
    free, late = told["cancellation_terms"]
    assert (free["cancel_by"]["timestamp"], free["cancellation_fee"]) == (
        "2026-01-09T09:00:00Z",
        {"percentage": "0"},
    )
    assert late["cancellation_fee"] == {"percentage": "25"}
    assert late["cancel_by"]["range"] == {"start": "2026-01-09T09:00:00Z", "end": "2026-01-09T18:00:00Z"}
    request, reason = OrderRequest(order_id=bought.order_id), Reason(code="7", words="no need\x00 any more")
    ended = (await world.send(Action.CANCEL, wire.write_cancel(request, reason)))["order"]
    assert ended["cancellation"] == {
        "time": "2026-01-09T08:00:00Z",
        "cancelled_by": "CONSUMER",
        "reason": {"id": "7", "descriptor": {"short_desc": "no need\N{REPLACEMENT CHARACTER} any more"}},
    }


async def test_lts_has_who_cancelled_and_why_in_the_contract_s_status(world: SellerWorld) -> None:
    world = world.speaking(V2_LTS)
    wire = wire_of(V2_LTS.name)
    bought = await world.buy_wanted()
    request = OrderRequest(order_id=bought.order_id, resource_id=bought.resource_id, offer_id=bought.offer_id)
    cancel = wire.write_cancel(request, Reason(code="CHANGED_MIND", words="no need"))
    ended = (await world.send(Action.CANCEL, cancel))["contract"]
    assert ended["status"] == {
        "code": "CANCELLED",
        "name": "CHANGED_MIND",
        "shortDesc": "Cancelled by the buyer: no need",
    }
    async with world.uow_factory() as uow:
        history = await ContractStore(uow.connection).history(bought.order_id)
    assert history[-1].reason == "CHANGED_MIND: no need"


async def test_the_terms_of_cancelling_are_in_the_words_of_the_offer(world: SellerWorld) -> None:
    found = await world.send(Action.DISCOVER, {"text_search": "solar"})
    [offer] = found["catalogs"][0]["beckn:offers"]
    assert (
        "can cancel freely until 60 minutes before delivery begins"
        in offer["beckn:descriptor"]["beckn:longDesc"]
    )
    quoted = (await world.send(Action.SELECT, {"order": order(10)}))["order"]
    accepted = quoted["beckn:orderItems"][0]["beckn:acceptedOffer"]
    assert "25 % of the order's value" in accepted["beckn:descriptor"]["beckn:longDesc"]
