"""What a seller owes for its shortfall: credited to the buyer with the bill, or paid to a utility, once."""

from __future__ import annotations

import io
import random
from decimal import Decimal

import pytest
from rich.console import Console
from sqlalchemy import delete, text

from degnode.bill_verifier.verify import verify_statement
from degnode.bill_views import print_statement
from protocol.profile import V2_LTS
from settlement.bills import BillStatus
from settlement.correcting import Reversal, reverse_correction
from settlement.corrections import refund_due
from settlement.events import find_events
from settlement.ledger.accounts import AccountKind
from settlement.ledger.tables import ledger_accounts, ledger_balances, ledger_transfers
from settlement.statements.invoice import write_csv, write_page
from settlement.store import find_runs
from settlement.tables import bill_corrections, carried_corrections
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.bill_statements import resealed
from tests.support.monthly_sale import count_day, count_days, on_account, open_seller
from tests.support.penalty_accounts import (
    BILL,
    CYCLE,
    HOUR,
    RATE,
    USD,
    UTILITY,
    WHEELING,
    account_of,
    check,
    check_utility,
    give,
    look_again,
    on,
    owes,
    statements_of,
)
from tests.support.seller_world import BPP_ID, PARTIES, SOURCE_METER, SellerWorld
from trading.penalties import Payee
from trading.wheeling import Side


@pytest.fixture
async def plain(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


@pytest.fixture
def world(plain: SellerWorld) -> SellerWorld:
    """Return a world in which the buyer is paid."""
    return on(plain, owes(Payee.INJURED_SIDE))


async def test_the_buyer_has_a_credit_note_with_its_bill_and_that_takes_it_up(world: SellerWorld) -> None:
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 6_000)
    kept = await check(world, contract)
    assert kept.bills == [(90 + WHEELING, 90 + WHEELING - 60, BillStatus.PENDING)]
    assert kept.kinds == [(BILL, "PENALTY_CREDIT", 60)]
    [note] = kept.corrections
    assert note.contract_id == contract
    assert note.explanation == {"penalty": {"cycle": CYCLE, "run": 1, "minor": 60, "before_minor": 0}}
    assert kept.entries("PENALTY_CREDIT", "CREDIT_USED") == [
        (f"{BPP_ID} PAYABLE", "bap.baker.example CREDIT", "PENALTY_CREDIT", 1, 60),
        ("bap.baker.example CREDIT", "bap.baker.example RECEIVABLE", "CREDIT_USED", 0, 60),
    ]
    assert [line.entry.ref for line in kept.journal if line.entry.code == "PENALTY_CREDIT"] == [
        f"{contract} {CYCLE}"
    ]
    assert len({line.entry.created_at for line in kept.journal}) == 1  # with the bill, at once
    async with world.uow_factory() as uow:
        last = (await find_events(contract, uow=uow))[-1]
    assert (last.change.subject, last.change.event) == (f"{BILL}-r2", "PENALTY_CREDIT")


async def test_settling_again_pays_nothing_again(world: SellerWorld) -> None:
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 6_000)
    before = await check(world, contract)
    await give(world, 6_000)
    await look_again(world, contract)
    await look_again(world, contract)
    assert await check(world, contract) == before


async def test_the_buyer_is_told_of_it_on_every_wire(world: SellerWorld) -> None:
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 6_000)
    told = (await world.unsolicited())[-1]
    assert told["beckn:id"] == contract
    bag = told["beckn:orderAttributes"]
    amounts = {cycle["cycleId"]: cycle["amount"] for cycle in bag["settlementCycles"]}
    assert amounts == {CYCLE: Decimal("3.4"), f"{CYCLE}-seller-penalty": Decimal("0.6")}
    [bill] = bag["billingCycles"]
    assert bill["totalAmount"] == Decimal("3.4")
    await give(world, 4_000)
    bag = (await world.unsolicited())[-1]["beckn:orderAttributes"]
    amounts = {cycle["cycleId"]: cycle["amount"] for cycle in bag["settlementCycles"]}
    assert amounts[f"{CYCLE}-r2-seller-penalty"] == Decimal("0.6")


async def test_in_lts_its_flows_add_up_to_nothing(world: SellerWorld) -> None:
    world = world.speaking(V2_LTS)
    report = await world.buy_wanted()
    await give(world, 5_000)  # of 10
    contract = (await world.unsolicited())[-1]
    assert contract["id"] == report.order_id
    flows = contract["consideration"][1]["considerationAttributes"]["revenueFlows"]
    penalty = [flow for flow in flows if flow["description"] == "Penalty of the seller"]
    assert [(flow["role"], flow["value"]) for flow in penalty] == [
        ("buyer", Decimal("1.5")),
        ("seller", Decimal("-1.5")),
    ]
    assert sum(flow["value"] for flow in flows) == 0


async def test_a_reading_revised_down_credits_what_more_is_owed(world: SellerWorld) -> None:
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 6_000)
    await give(world, 4_000)
    kept = await check(world, contract)
    assert kept.kinds == [
        (BILL, "PENALTY_CREDIT", 60),
        (BILL, "CREDIT_NOTE", 30),
        (BILL, "PENALTY_CREDIT", 60),
    ]
    assert kept.corrections[-1].explanation == {
        "penalty": {"cycle": CYCLE, "run": 2, "minor": 120, "before_minor": 60}
    }
    assert kept.bills == [(340, 280, BillStatus.PENDING)]
    assert refund_due(kept.corrections, currency=USD).minor == 90
    assert kept.asked == 60 + WHEELING - 120


async def test_a_reading_revised_up_takes_back_what_was_taken_up_by_a_bill_of_its_own(
    world: SellerWorld,
) -> None:
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 4_000)
    await give(world, 6_000)
    kept = await check(world, contract)
    assert kept.kinds == [
        (BILL, "PENALTY_CREDIT", 120),
        (BILL, "ADJUSTMENT", 30),
        (BILL, "ADJUSTMENT", 60),
    ]
    assert kept.bills == [(310, 190, BillStatus.PENDING), (90, 90, BillStatus.PENDING)]
    await give(world, 8_000)
    kept = await check(world, contract)
    assert kept.kinds[3:] == [(BILL, "ADJUSTMENT", 30), (BILL, "ADJUSTMENT", 60)]
    assert kept.asked == 120 + WHEELING  # all was given: nothing is owed
    assert [minor for _, _, minor in kept.kinds] == [120, 30, 60, 30, 60]


async def test_what_no_bill_took_up_pays_what_is_taken_back(plain: SellerWorld) -> None:
    world = on(plain, owes(Payee.INJURED_SIDE, cents=100), wheeling=None)
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 4_000)
    kept = await check(world, contract)
    assert kept.bills == [(60, 0, BillStatus.PAID)]  # 4.00 is owed, 0.60 is asked for
    assert refund_due(kept.corrections, currency=USD).minor == 340
    await give(world, 6_000)
    kept = await check(world, contract)
    assert kept.bills == [(60, 0, BillStatus.PAID), (230, 0, BillStatus.PAID)]
    assert refund_due(kept.corrections, currency=USD).minor == 110
    assert kept.asked == 90 - 200


async def test_within_the_tolerance_nothing_is_credited_and_all_is_as_without_a_penalty(
    world: SellerWorld,
) -> None:
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 7_500)
    kept = await check(world, contract)
    assert (kept.corrections, kept.bills) == ([], [(363, 363, BillStatus.PENDING)])
    assert [line.entry.code for line in kept.journal] == ["BILL", "ENERGY"]
    [bill] = await statements_of(world, contract)
    assert "credits" not in bill["bill"]["explanation"]


@pytest.mark.parametrize(
    ("payee", "owner"),
    [(Payee.INJURED_SIDES_UTILITY, UTILITY), (Payee.OWN_UTILITY, f"utility of {SOURCE_METER}")],
)
async def test_a_utility_is_paid_on_the_ledger_and_by_a_revision_the_difference(
    plain: SellerWorld, payee: Payee, owner: str
) -> None:
    world = on(plain, owes(payee))
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 6_000)
    kept = await check_utility(world, contract, owner=owner, owed=60)
    assert kept.bills == [(340, 340, BillStatus.PENDING)]
    assert len({line.entry.created_at for line in kept.journal}) == 1
    await look_again(world, contract)
    assert await check_utility(world, contract, owner=owner, owed=60) == kept
    await give(world, 4_000)
    await check_utility(world, contract, owner=owner, owed=120)
    await give(world, 5_000)
    await give(world, 8_000)
    await look_again(world, contract)
    kept = await check_utility(world, contract, owner=owner, owed=0)
    claim, penalty = f"{BPP_ID} PAYABLE", f"{owner} PENALTY"
    assert kept.entries("PENALTY", "RETURN_PENALTY") == [
        (claim, penalty, "PENALTY", 1, 60),
        (claim, penalty, "PENALTY", 2, 60),
        (penalty, claim, "RETURN_PENALTY", 3, 30),
        (penalty, claim, "RETURN_PENALTY", 4, 90),
    ]
    assert {kind for _, kind, _ in kept.kinds} == {"CREDIT_NOTE", "ADJUSTMENT"}  # of energy alone


@pytest.mark.parametrize("payee", list(Payee))
async def test_what_bills_of_before_left_unpaid_is_paid_as_they_are_settled_again(
    plain: SellerWorld, payee: Payee
) -> None:
    world = on(plain, owes(payee))
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 6_000)
    async with world.uow_factory() as uow:
        await uow.connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in (
            carried_corrections,
            bill_corrections,
            ledger_transfers,
            ledger_balances,
            ledger_accounts,
        ):
            await uow.connection.execute(delete(table))
    for _ in range(2):
        await look_again(world, contract)
        kept = await account_of(world, contract)
        assert [line.entry.amount for line in kept.journal] == [60]
        is_buyers = payee is Payee.INJURED_SIDE
        assert kept.kinds == ([(BILL, "PENALTY_CREDIT", 60)] if is_buyers else [])


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_revised_what_is_owed_by_now_is_paid(plain: SellerWorld, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  a repeatable case
    payee = chance.choice(list(Payee))
    sides = (owes(payee, cents=chance.choice([30, 100])), owes(Payee.INJURED_SIDE, Side.BUYER))
    world = on(plain, *sides, **chance.choice([{}, {"wheeling": None}]))
    contract: str = (await world.buy(8))["beckn:id"]
    for _ in range(4):
        await give(world, chance.choice([0, 2_000, 4_001, 6_003, 7_500, 8_000, 9_000]))
        kept = await check(world, contract)
        async with world.uow_factory() as uow:
            last = (await find_runs(contract, uow=uow))[-1]
        owed: int = (last.explanation or {})["shortfalls"][0]["minor"]
        is_buyers = payee is Payee.INJURED_SIDE
        assert kept.asked == last.amount.minor - (owed if is_buyers else 0)
        assert await on_account(world.uow_factory, AccountKind.PAYABLE) == last.amount.minor - owed
        if chance.random() < 0.5:
            await look_again(world, contract)
            assert await check(world, contract) == kept


async def test_of_several_bills_the_last_has_the_credit_and_takes_it_up_after_credit_of_before(
    uow_factory: UnitOfWorkFactory,
) -> None:
    """Two days of January and three of February, with a tax on all that is billed."""
    world = on(await open_seller(uow_factory), owes(Payee.INJURED_SIDE))
    contract: str = (await world.buy(100))["beckn:id"]
    await count_days(world, range(3), exported=500)
    assert (await check(world, contract)).corrections == []
    await count_day(world, 0, 400, world.clock.now() + HOUR)  # 2.4 kWh less: 0.36, and 0.07 of tax
    await count_days(world, range(3, 5), exported=500)
    kept = await check(world, contract)
    owed = (100_000 - 57_600) * RATE // 1_000
    assert kept.kinds == [(BILL, "CREDIT_NOTE", 43), ("bill-2026-02-001", "PENALTY_CREDIT", owed)]
    [_, (total, due, _)] = kept.bills
    assert total == 3 * (180 + WHEELING) * 118 // 100
    assert due == total - 43 - owed
    await count_day(world, 0, 600, world.clock.now() + HOUR)  # no last cycle, yet less is short
    kept = await check(world, contract)
    assert [(kind, minor) for _, kind, minor in kept.kinds if kind != "CREDIT_NOTE"] == [
        ("ADJUSTMENT", 85),
        ("PENALTY_CREDIT", owed),
        ("ADJUSTMENT", 4_800 * RATE // 1_000),
    ]


async def test_a_credit_that_an_operator_took_back_stays_back_and_later_runs_move_the_difference(
    world: SellerWorld,
) -> None:
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 6_000)
    now = world.clock.advance(HOUR)
    async with world.uow_factory() as uow:
        await reverse_correction(
            Reversal(contract_id=contract, bill_id=BILL, run=2, actor="op", reason="agreed so"),
            parties=PARTIES,
            uow=uow,
            now=now,
        )
    await look_again(world, contract)
    kept = await check(world, contract)
    assert kept.kinds == [(BILL, "PENALTY_CREDIT", 60), (BILL, "ADJUSTMENT", 60)]
    assert kept.asked == 340
    await give(world, 5_000)
    assert (await check(world, contract)).kinds[-1] == (BILL, "PENALTY_CREDIT", 30)


@pytest.mark.parametrize("forged", ["more", "none", "untaken"])
async def test_the_verifier_finds_another_credit(world: SellerWorld, forged: str) -> None:
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 6_000)
    [statement] = await statements_of(world, contract)
    [note] = statement["corrections"]
    if forged == "more":
        note["amount_minor"] = note["explanation"]["penalty"]["minor"] = 70
    elif forged == "none":
        statement["corrections"] = []
        del statement["bill"]["explanation"]["credits"]
        statement["bill"]["due_minor"] = statement["bill"]["total_minor"]
    else:
        note["taken_up"] = []
        del statement["bill"]["explanation"]["credits"]
        statement["bill"]["due_minor"] = statement["bill"]["total_minor"]
    found = [str(each) for each in verify_statement(resealed(statement))]
    told = {"more": "told 70, computed 60", "none": "corrections of", "untaken": "taken_up"}
    assert any(told[forged] in each for each in found), found


async def test_people_read_of_it(world: SellerWorld) -> None:
    contract: str = (await world.buy(8))["beckn:id"]
    await give(world, 6_000)
    [statement] = await statements_of(world, contract)
    page, lines = write_page(statement), write_csv(statement)
    assert "<tr><td>Credit of what the seller owes</td><td>0.60</td></tr>" in page
    assert "<tr><td>To pay</td><td>2.80</td></tr>" in page
    assert "Credit of earlier bills" not in page
    assert f"Penalty of the seller ({CYCLE}, run 1): a credit note of 0.60 USD" in page
    console = Console(record=True, width=250, file=io.StringIO())
    print_statement(statement, console)
    printed = console.export_text()
    assert "PENALTY_CREDIT" in printed
    assert f"{CYCLE}, run 1: the seller owes 0.60 USD for its shortfall" in printed
    assert lines.splitlines()[-1] == (
        f'{BILL},PENALTY_CREDIT,"Penalty of the seller ({CYCLE}, run 1)",-0.60,,USD'
    )
