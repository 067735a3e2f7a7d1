"""Every cell of THE TABLE of changes: asked for by either side at each phase, and what becomes of it.

Each cell says what happens to the contract, the stock, the money and the messages. 10 kWh are bought for
4.00 USD; both meters then report 1 kWh in each of the window's eight hours. To cancel late costs a buyer a
quarter of the order's value, and a seller 0.75 USD.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bpp.api.contracts import contract_router
from kernel.clock import format_instant
from kernel.currency import Currency
from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.money import Money
from protocol.actions import Action
from settlement.ledger.accounts import AccountKind
from settlement.store import find_bills
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.monthly_sale import audit, on_account
from tests.support.seller_api import KEY, seller_api
from tests.support.seller_world import ITEM, NOW, WINDOW, SellerWorld, catalogue, order
from trading.cancellation_terms import CancellationTerm
from trading.changes import CHANGES, Change, Phase, Verdict
from trading.contracts import ContractStore
from trading.proposals import ProposalStore
from trading.stock import Stock
from trading.wheeling import Side

Json = dict[str, Any]
Cell = tuple[Side, Change, Phase]

USD = Currency("USD")
BUYERS = CancellationTerm(side=Side.BUYER, notice=timedelta(hours=1), percent=Decimal(25))
SELLERS = CancellationTerm(side=Side.SELLER, notice=timedelta(minutes=30), amount=Money(75, USD))
MOVED = Interval(WINDOW.start + timedelta(hours=1), WINDOW.end)
AT: Mapping[Phase, datetime] = {
    Phase.HELD: NOW,
    Phase.LAPSED: NOW + timedelta(minutes=15),
    Phase.FREE: NOW,
    Phase.NOTICE: WINDOW.start - timedelta(minutes=10),
    Phase.DELIVERY: WINDOW.start + timedelta(hours=2),
    Phase.OVER: WINDOW.end,
    Phase.ENDED: NOW + timedelta(minutes=5),
}
ALL, HALF, NONE = 20_500, 25_500, 30_500
"""What is left on stock beside the whole order, beside half of it, and without it, in Wh."""


@dataclass(frozen=True, kw_only=True)
class Becomes:
    """What a cell makes of a contract: `refused` by a code, or what stands afterwards.

    `billed` are the totals of the bills once all is settled, `debt` and `credit` what is on the buyer's
    accounts then; `told` what the buyer was told unasked of the change. All money is in cents.
    """

    status: str
    left: int
    refused: str = ""
    billed: tuple[int, ...] = ()
    debt: int = 0
    credit: int = 0
    told: tuple[Action, ...] = ()
    proposed: bool = False


def stays(refused: str, *, status: str = "ACTIVE", left: int = ALL, billed: int | None = 370) -> Becomes:
    """Return that a change is refused and nothing is otherwise."""
    bills = () if billed is None else (billed,)
    return Becomes(refused=refused, status=status, left=left, billed=bills, debt=billed or 0)


def unbound(refused: str, *, left: int = ALL) -> Becomes:
    """Return that a change of what nobody confirmed is refused."""
    return stays(refused, status="PENDING", left=left, billed=None)


def ended(refused: str) -> Becomes:
    """Return that a change of what was cancelled in time is refused."""
    return stays(refused, status="TERMINATED", left=NONE, billed=None)


def waits(told: tuple[Action, ...] = ()) -> Becomes:
    """Return that a change is proposed: until it is answered all is as it was."""
    return Becomes(status="ACTIVE", left=ALL, billed=(370,), debt=370, told=told, proposed=True)


def gone(**money: Any) -> Becomes:
    """Return that a contract is cancelled before delivery."""
    return Becomes(status="TERMINATED", left=NONE, **money)


NOT_CANCELLED, ALREADY = "POL_CANCELLATION_NOT_ALLOWED", "BIZ_ALREADY_CANCELLED"
NOT_UPDATED, EXPIRED, PRICE = "POL_UPDATE_NOT_ALLOWED", "BIZ_QUOTE_EXPIRED_OR_CHANGED", "BIZ_PRICE_MISMATCH"
ON_CANCEL, ON_UPDATE = (Action.ON_CANCEL,), (Action.ON_UPDATE,)
B, S = Side.BUYER, Side.SELLER

TABLE: Mapping[Cell, Becomes] = {
    (B, Change.CANCEL, Phase.HELD): gone(),
    (B, Change.CANCEL, Phase.LAPSED): unbound(ALREADY, left=NONE),
    (B, Change.CANCEL, Phase.FREE): gone(),
    (B, Change.CANCEL, Phase.NOTICE): gone(billed=(100,), debt=100),
    # 2 kWh were delivered by then: 0.30, carried for 2.50, and the fee
    (B, Change.CANCEL, Phase.DELIVERY): Becomes(status="TERMINATED", left=ALL, billed=(380,), debt=380),
    (B, Change.CANCEL, Phase.OVER): stays(NOT_CANCELLED),
    (B, Change.CANCEL, Phase.ENDED): ended(ALREADY),
    (B, Change.QUANTITY, Phase.HELD): Becomes(status="PENDING", left=HALF),
    (B, Change.QUANTITY, Phase.LAPSED): unbound(EXPIRED, left=NONE),
    (B, Change.QUANTITY, Phase.FREE): Becomes(status="ACTIVE", left=HALF, billed=(325,), debt=325),
    (B, Change.QUANTITY, Phase.NOTICE): waits(),
    (B, Change.QUANTITY, Phase.DELIVERY): waits(),
    (B, Change.QUANTITY, Phase.OVER): stays(NOT_UPDATED),
    (B, Change.QUANTITY, Phase.ENDED): ended(NOT_UPDATED),
    (B, Change.WINDOW, Phase.HELD): Becomes(status="PENDING", left=ALL),
    (B, Change.WINDOW, Phase.LAPSED): unbound(EXPIRED, left=NONE),
    (B, Change.WINDOW, Phase.FREE): Becomes(status="ACTIVE", left=ALL, billed=(355,), debt=355),
    (B, Change.WINDOW, Phase.NOTICE): waits(),
    (B, Change.WINDOW, Phase.DELIVERY): stays(NOT_UPDATED),
    (B, Change.WINDOW, Phase.OVER): stays(NOT_UPDATED),
    (B, Change.WINDOW, Phase.ENDED): ended(NOT_UPDATED),
    (B, Change.PRICE, Phase.HELD): unbound(PRICE),
    (B, Change.PRICE, Phase.LAPSED): unbound(EXPIRED, left=NONE),
    (B, Change.PRICE, Phase.FREE): stays(PRICE),
    (B, Change.PRICE, Phase.NOTICE): stays(PRICE),
    (B, Change.PRICE, Phase.DELIVERY): stays(PRICE),
    (B, Change.PRICE, Phase.OVER): stays(NOT_UPDATED),
    (B, Change.PRICE, Phase.ENDED): ended(NOT_UPDATED),
    (S, Change.CANCEL, Phase.HELD): unbound(NOT_CANCELLED),
    (S, Change.CANCEL, Phase.LAPSED): unbound(NOT_CANCELLED, left=NONE),
    (S, Change.CANCEL, Phase.FREE): gone(told=ON_CANCEL),
    (S, Change.CANCEL, Phase.NOTICE): gone(billed=(0,), credit=75, told=ON_CANCEL),
    # the compensation pays so much of the bill
    (S, Change.CANCEL, Phase.DELIVERY): Becomes(
        status="TERMINATED", left=ALL, billed=(280,), debt=205, told=ON_CANCEL
    ),
    (S, Change.CANCEL, Phase.OVER): stays(NOT_CANCELLED),
    (S, Change.CANCEL, Phase.ENDED): ended(ALREADY),
    (S, Change.QUANTITY, Phase.HELD): unbound(NOT_UPDATED),
    (S, Change.QUANTITY, Phase.LAPSED): unbound(NOT_UPDATED, left=NONE),
    (S, Change.QUANTITY, Phase.FREE): waits(ON_UPDATE),
    (S, Change.QUANTITY, Phase.NOTICE): waits(ON_UPDATE),
    (S, Change.QUANTITY, Phase.DELIVERY): waits(ON_UPDATE),
    (S, Change.QUANTITY, Phase.OVER): stays(NOT_UPDATED),
    (S, Change.QUANTITY, Phase.ENDED): ended(NOT_UPDATED),
    (S, Change.WINDOW, Phase.HELD): unbound(NOT_UPDATED),
    (S, Change.WINDOW, Phase.LAPSED): unbound(NOT_UPDATED, left=NONE),
    (S, Change.WINDOW, Phase.FREE): waits(ON_UPDATE),
    (S, Change.WINDOW, Phase.NOTICE): waits(ON_UPDATE),
    (S, Change.WINDOW, Phase.DELIVERY): stays(NOT_UPDATED),
    (S, Change.WINDOW, Phase.OVER): stays(NOT_UPDATED),
    (S, Change.WINDOW, Phase.ENDED): ended(NOT_UPDATED),
    (S, Change.PRICE, Phase.HELD): unbound(NOT_UPDATED),
    (S, Change.PRICE, Phase.LAPSED): unbound(NOT_UPDATED, left=NONE),
    (S, Change.PRICE, Phase.FREE): waits(ON_UPDATE),
    (S, Change.PRICE, Phase.NOTICE): waits(ON_UPDATE),
    (S, Change.PRICE, Phase.DELIVERY): stays(NOT_UPDATED),
    (S, Change.PRICE, Phase.OVER): stays(NOT_UPDATED),
    (S, Change.PRICE, Phase.ENDED): ended(NOT_UPDATED),
}
CONSENTED: Mapping[Cell, Becomes] = {
    (B, Change.QUANTITY, Phase.NOTICE): Becomes(status="ACTIVE", left=HALF, billed=(325,), debt=325),
    (B, Change.QUANTITY, Phase.DELIVERY): Becomes(status="ACTIVE", left=ALL, billed=(325,), debt=325),
    (B, Change.WINDOW, Phase.NOTICE): Becomes(status="ACTIVE", left=ALL, billed=(355,), debt=355),
    (S, Change.QUANTITY, Phase.FREE): Becomes(status="ACTIVE", left=HALF, billed=(325,), debt=325),
    (S, Change.QUANTITY, Phase.NOTICE): Becomes(status="ACTIVE", left=HALF, billed=(325,), debt=325),
    (S, Change.QUANTITY, Phase.DELIVERY): Becomes(status="ACTIVE", left=ALL, billed=(325,), debt=325),
    (S, Change.WINDOW, Phase.FREE): Becomes(status="ACTIVE", left=ALL, billed=(355,), debt=355),
    (S, Change.WINDOW, Phase.NOTICE): Becomes(status="ACTIVE", left=ALL, billed=(355,), debt=355),
    (S, Change.PRICE, Phase.FREE): Becomes(status="ACTIVE", left=ALL, billed=(330,), debt=330),
    (S, Change.PRICE, Phase.NOTICE): Becomes(status="ACTIVE", left=ALL, billed=(330,), debt=330),
}
"""What becomes of a contract once the other side accepts what was proposed of it."""


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    sold = catalogue()
    offers = tuple(
        replace(each, terms=replace(each.terms, cancellation=(BUYERS, SELLERS))) for each in sold.offers
    )
    opened = SellerWorld(uow_factory=uow_factory)
    return await opened.selling(catalogue=replace(sold, offers=offers)).open()


@pytest.fixture
async def operator(world: SellerWorld) -> AsyncIterator[httpx.AsyncClient]:
    routers = [contract_router(world.bpp, uow_factory=world.uow_factory, clock=world.clock)]
    async with seller_api(routers, uow_factory=world.uow_factory, clock=world.clock)(KEY) as connected:
        yield connected


async def arrive(world: SellerWorld, phase: Phase) -> str:
    """Return the id of an order that has come to a phase, with the clock there."""
    if phase in (Phase.HELD, Phase.LAPSED):
        bought = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    else:
        bought = await world.buy(10)
    if phase is Phase.ENDED:
        await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    world.clock.set(AT[phase])
    found: str = bought["beckn:id"]
    return found


def asked_by_buyer(order_id: str, change: Change) -> tuple[Action, Json]:
    """Return the message by which a buyer asks for a change."""
    if change is Change.CANCEL:
        return Action.CANCEL, {"order": {"beckn:id": order_id}}
    if change is Change.WINDOW:
        times = {"tradeStartTime": format_instant(MOVED.start), "tradeEndTime": format_instant(MOVED.end)}
        return Action.UPDATE, {"order": order(10, order_id=order_id, **times)}
    wanted = order(5 if change is Change.QUANTITY else 10, order_id=order_id)
    if change is Change.PRICE:
        wanted["beckn:orderValue"] = {"currency": "USD", "value": 1}
    return Action.UPDATE, {"order": wanted}


FORMS: Mapping[Change, Json] = {
    Change.CANCEL: {},
    Change.QUANTITY: {"watt_hours": 5_000},
    Change.WINDOW: {"start": format_instant(MOVED.start), "end": format_instant(MOVED.end)},
    Change.PRICE: {"price_per_kwh": "0.10"},
}


async def ask(world: SellerWorld, operator: httpx.AsyncClient, order_id: str, cell: Cell) -> str:
    """Have a side ask for a change; return the code of its refusal, nothing if it is not refused."""
    side, change, _ = cell
    if side is Side.BUYER:
        action, message = asked_by_buyer(order_id, change)
        try:
            told = await world.send(action, message)
        except NodeError as error:
            return error.code
        assert told["order"]["beckn:id"] == order_id
        return ""
    verb = "cancel" if change is Change.CANCEL else "update"
    answer = await operator.post(
        f"/api/v1/contracts/{order_id}/{verb}", json=FORMS[change] | {"why": "the roof is being repaired"}
    )
    if answer.is_success:
        return ""
    code: str = answer.json()["error"]["code"]
    return code


async def check_contract(world: SellerWorld, order_id: str, expected: Becomes) -> None:
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(order_id)
        proposal = await ProposalStore(uow.connection).find_open(contract)
        left = (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours
    assert contract.status == expected.status
    assert (proposal is not None) == expected.proposed
    assert left == expected.left


async def check_money(world: SellerWorld, order_id: str, expected: Becomes) -> None:
    """Have both meters report and all be settled; then see what was billed, owed and credited."""
    if expected.status in ("ACTIVE", "TERMINATED"):
        world.clock.set(WINDOW.end + timedelta(hours=25))
        await world.deliver([1_000] * 8)
    async with world.uow_factory() as uow:
        bills = await find_bills(order_id, uow=uow)
    assert tuple(bill.total.minor for bill in bills) == expected.billed
    assert await on_account(world.uow_factory, AccountKind.RECEIVABLE) == expected.debt
    assert await on_account(world.uow_factory, AccountKind.CREDIT) == expected.credit
    assert (await audit(world.uow_factory)).findings == ()


async def unasked(world: SellerWorld) -> tuple[Action, ...]:
    """Return what the buyer was told unasked of changes, in order of actions."""
    counts = {action: len(await world.documents(action)) for action in (Action.ON_CANCEL, Action.ON_UPDATE)}
    return tuple(action for action, count in counts.items() for _ in range(count))


def name_of(each: object) -> str:
    return "-".join(each) if isinstance(each, tuple) else ""


def test_the_table_here_is_that_of_the_seller() -> None:
    assert set(TABLE) == set(CHANGES)
    for cell, expected in TABLE.items():
        verdict = CHANGES[cell].verdict
        assert (verdict is Verdict.REFUSED) == bool(expected.refused), cell
        assert (verdict is Verdict.BY_CONSENT) == expected.proposed, cell
    assert set(CONSENTED) == {cell for cell, expected in TABLE.items() if expected.proposed}


@pytest.mark.parametrize(("cell", "expected"), TABLE.items(), ids=name_of)
async def test_a_cell_of_the_table(
    world: SellerWorld, operator: httpx.AsyncClient, cell: Cell, expected: Becomes
) -> None:
    order_id = await arrive(world, cell[2])
    assert await ask(world, operator, order_id, cell) == expected.refused
    await check_contract(world, order_id, expected)
    assert await unasked(world) == expected.told
    await check_money(world, order_id, expected)


LAPSED = {cell: expected for cell, expected in TABLE.items() if cell[2] is Phase.LAPSED}


@pytest.mark.parametrize(("cell", "expected"), LAPSED.items(), ids=name_of)
async def test_a_cell_is_the_same_once_a_contracts_timer_had_it_lapse(
    world: SellerWorld, operator: httpx.AsyncClient, cell: Cell, expected: Becomes
) -> None:
    order_id = await arrive(world, Phase.LAPSED)
    await world.refresh_all()
    assert await ask(world, operator, order_id, cell) == expected.refused
    await check_contract(world, order_id, replace(expected, status="TERMINATED"))


@pytest.mark.parametrize("phase", [Phase.FREE, Phase.NOTICE])
async def test_the_bounds_of_a_new_quantity_are_the_same_for_each_side(
    world: SellerWorld, operator: httpx.AsyncClient, phase: Phase
) -> None:
    order_id = await arrive(world, phase)

    async def refusals(kilowatt_hours: int) -> list[str]:
        wanted = {"order": order(kilowatt_hours, order_id=order_id)}
        form = {"watt_hours": kilowatt_hours * 1_000, "why": "clouds"}
        path = f"/api/v1/contracts/{order_id}/update"
        buyers = await world.refusal(Action.UPDATE, wanted)
        return [buyers.code, (await operator.post(path, json=form)).json()["error"]["code"]]

    assert await refusals(21) == ["BIZ_QUANTITY_UNAVAILABLE"] * 2
    without = replace(world.bpp.catalogue, offers=())
    world.bpp.catalogue = without
    assert await refusals(11) == [NOT_UPDATED] * 2
    less = await operator.post(
        f"/api/v1/contracts/{order_id}/update", json={"watt_hours": 5_000, "why": "clouds"}
    )
    assert less.status_code == 201


async def answer(
    world: SellerWorld, operator: httpx.AsyncClient, order_id: str, cell: Cell, verb: str
) -> None:
    """Have the other side accept or refuse what was proposed."""
    async with world.uow_factory() as uow:
        [proposal] = await ProposalStore(uow.connection).find_all(order_id)
    if cell[0] is Side.BUYER:
        path = f"/api/v1/contracts/{order_id}/proposals/{proposal.id}/{verb}"
        said = await operator.post(path, json={"why": "the meters allow it"})
        assert said.status_code == 200, said.text
        return
    message = order(10, order_id=order_id)
    status = {"accept": "ACCEPTED", "refuse": "REFUSED"}[verb]
    message["beckn:orderItems"][0]["beckn:proposal"] = {"id": proposal.id, "status": status}
    answered = (await world.send(Action.UPDATE, {"order": message}))["order"]
    assert answered["beckn:orderItems"][0]["beckn:proposal"]["status"] == status


@pytest.mark.parametrize(("cell", "expected"), CONSENTED.items(), ids=name_of)
async def test_what_was_proposed_is_done_once_the_other_side_accepts_it(
    world: SellerWorld, operator: httpx.AsyncClient, cell: Cell, expected: Becomes
) -> None:
    order_id = await arrive(world, cell[2])
    assert await ask(world, operator, order_id, cell) == ""
    await answer(world, operator, order_id, cell, "accept")
    await check_contract(world, order_id, expected)
    assert await unasked(world) == (Action.ON_UPDATE,), (
        "a proposal of the seller, or its answer to the buyer's"
    )
    await check_money(world, order_id, expected)


@pytest.mark.parametrize("cell", CONSENTED, ids=name_of)
async def test_what_was_proposed_leaves_all_as_it_was_where_the_other_side_refuses_it(
    world: SellerWorld, operator: httpx.AsyncClient, cell: Cell
) -> None:
    order_id = await arrive(world, cell[2])
    assert await ask(world, operator, order_id, cell) == ""
    await answer(world, operator, order_id, cell, "refuse")
    unchanged = replace(waits(), proposed=False)
    await check_contract(world, order_id, unchanged)
    assert await unasked(world) == (Action.ON_UPDATE,)
    await check_money(world, order_id, unchanged)


@pytest.mark.parametrize("cell", CONSENTED, ids=name_of)
async def test_what_was_proposed_lapses_where_nobody_answers_and_the_buyer_is_told(
    world: SellerWorld, operator: httpx.AsyncClient, cell: Cell
) -> None:
    order_id = await arrive(world, cell[2])
    assert await ask(world, operator, order_id, cell) == ""
    before = await unasked(world)
    world.clock.advance(timedelta(minutes=30))
    assert await world.refresh_all() == 1
    unchanged = replace(waits(), proposed=False)
    await check_contract(world, order_id, unchanged)
    assert await unasked(world) == (*before, Action.ON_UPDATE)
    last = (await world.unsolicited(Action.ON_UPDATE))[-1]
    assert last["beckn:orderItems"][0]["beckn:proposal"]["status"] == "LAPSED"
    await check_money(world, order_id, unchanged)
