"""What a seller's platform does by the clock, by real workers on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from structlog.testing import capture_logs

from bpp.deliveries.jobs import SEAL_LEDGER, SellerJobs, settle_again
from bpp.payments.collection_jobs import COLLECT_BILLS, COLLECT_OF_CONTRACT, CollectionJobs
from kernel.clock import ManualClock, parse_instant
from node.jobs import JobDesk
from settlement.bills import BillStatus
from settlement.events import SettlementEvent, find_broken, find_events
from settlement.ledger.ledger import Ledger
from settlement.payments.dunning import CollectionTerms
from settlement.payments.overdue import ACTOR
from settlement.store import find_bills
from settlement.tables import billing_cycles
from storage.database import Database
from storage.job_queue import Job, put_job
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.ledgers import NOW as BOOKED_AT
from tests.support.ledgers import open_accounts, transfer
from tests.support.sealed_ledgers import SIGNER, audit
from tests.support.seller_world import WINDOW, SellerWorld
from trading.contracts import ContractStore
from trading.refusals import OrderNotFound

A_DAY = timedelta(days=1)
TERMS = CollectionTerms()
MOST_ROUNDS = 60
DELIVERED = [1_500] * 8


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """A seller who has billed two deliveries of that day."""
    return await SellerWorld(uow_factory=uow_factory).open()


async def bill(world: SellerWorld) -> str:
    """Sell, deliver and bill; return the contract's id."""
    order = await world.buy(10)
    world.clock.set(WINDOW.end + timedelta(hours=1))
    await world.deliver(DELIVERED)
    contract_id: str = order["beckn:id"]
    return contract_id


def desk_at(uow_factory: UnitOfWorkFactory, database: Database, now: datetime) -> JobDesk:
    kinds = SellerJobs(uow_factory=uow_factory, signer_at=lambda _: SIGNER).kinds
    kinds += CollectionJobs(uow_factory=uow_factory, terms=TERMS).kinds
    return JobDesk(kinds, database=database, clock=ManualClock(now))


async def put(uow_factory: UnitOfWorkFactory, *jobs: Job) -> None:
    async with uow_factory.plain() as uow:
        for job in jobs:
            await put_job(uow, job)


async def collect(uow_factory: UnitOfWorkFactory, database: Database, now: datetime) -> None:
    """Have three processes do at the same time what is due at `now`."""
    await put(uow_factory, *(Job(kind=COLLECT_BILLS, about=f"look {number}") for number in range(3)))
    await asyncio.gather(*(desk_at(uow_factory, database, now).do_all_due() for _ in range(3)))
    await finish(uow_factory, database, now)


async def finish(uow_factory: UnitOfWorkFactory, database: Database, now: datetime) -> None:
    """Do what is due until nothing is left: jobs put others, and some are put by the clock on the wall."""
    for _ in range(MOST_ROUNDS):
        if not await jobs_left(database):
            return
        await desk_at(uow_factory, database, now).do_all_due()
    pytest.fail(f"there is always more to do: {await jobs_left(database)}")


async def jobs_left(database: Database) -> Sequence[Any]:
    async with database.engine.connect() as connection:
        return (await connection.execute(text("SELECT task_name, status FROM jobs.procrastinate_jobs"))).all()


async def dunning_of(uow_factory: UnitOfWorkFactory, contract_id: str) -> list[SettlementEvent]:
    async with uow_factory() as uow:
        events = await find_events(contract_id, uow=uow)
    assert find_broken(events) is None
    return [event for event in events if event.actor == ACTOR]


async def test_a_bill_is_reminded_of_overdue_and_dunned_step_by_step_each_once(
    world: SellerWorld, uow_factory: UnitOfWorkFactory, database: Database
) -> None:
    contract_id = await bill(world)
    told = len(await world.unsolicited())
    for now, so_far in (  # issued on 9 January, due on the 24th
        ("2026-01-20T23:45:00Z", []),
        ("2026-01-21T00:00:00Z", ["REMINDED"]),
        ("2026-01-24T23:45:00Z", ["REMINDED"]),
        ("2026-01-25T00:00:00Z", ["REMINDED", "FELL_DUE"]),
        ("2026-01-31T23:45:00Z", ["REMINDED", "FELL_DUE"]),
        ("2026-02-01T00:00:00Z", ["REMINDED", "FELL_DUE", "WARNED"]),
    ):
        for _ in range(2):
            await collect(uow_factory, database, parse_instant(now))
            found = await dunning_of(uow_factory, contract_id)
            assert [event.change.event for event in found] == so_far
    assert [event.reason for event in found] == [
        "it is due on 2026-01-24",
        "it was due on 2026-01-24, with 0 days of grace",
        "it was due on 2026-01-24",
    ]
    assert [(event.change.old_status, event.change.new_status) for event in found] == [
        ("PENDING", "PENDING"),
        ("PENDING", "OVERDUE"),
        ("OVERDUE", "OVERDUE"),
    ]
    world.clock.set(parse_instant("2026-02-01T00:01:00Z"))
    assert await world.refresh_all() == 1
    news = await world.unsolicited()
    assert len(news) == told + 1
    assert news[-1]["beckn:orderAttributes"]["billingCycles"][0]["status"] == "OVERDUE"


async def test_a_bill_that_is_paid_meanwhile_is_left_alone(
    world: SellerWorld, uow_factory: UnitOfWorkFactory, database: Database
) -> None:
    contract_id = await bill(world)
    now = parse_instant("2026-03-01T00:00:00Z")
    async with uow_factory() as uow:
        paid = update(billing_cycles).values(status=BillStatus.PAID)
        await uow.connection.execute(paid.where(billing_cycles.c.contract_id == contract_id))
    of_contract = Job(kind=COLLECT_OF_CONTRACT, about="it was due", arguments={"contract": contract_id})
    await put(uow_factory, of_contract)
    await collect(uow_factory, database, now)
    assert await dunning_of(uow_factory, contract_id) == []
    async with uow_factory() as uow:
        assert (await ContractStore(uow.connection).get(contract_id)).refresh_at is None


async def test_the_ledgers_days_are_sealed_once_each_by_whoever_comes_first(
    uow_factory: UnitOfWorkFactory, database: Database
) -> None:
    await open_accounts(uow_factory)
    async with uow_factory() as uow:
        await Ledger(uow).transfer(transfer("in"), now=BOOKED_AT)
    now = BOOKED_AT + 12 * A_DAY
    await put(uow_factory, *(Job(kind=SEAL_LEDGER, about=f"look {number}") for number in range(6)))
    await asyncio.gather(*(desk_at(uow_factory, database, now).do_all_due() for _ in range(2)))
    await finish(uow_factory, database, now)
    found = await audit(uow_factory)
    assert (found.findings, found.sealed_until) == ((), (now - A_DAY).date())
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM ledger_seals"))).scalar_one() == 12


async def test_a_finished_contract_is_settled_again_when_it_is_asked_for(
    world: SellerWorld, uow_factory: UnitOfWorkFactory, database: Database, database_url: str
) -> None:
    contract_id = await bill(world)
    async with uow_factory() as uow:
        events, bills = await find_events(contract_id, uow=uow), await find_bills(contract_id, uow=uow)
    assert await world.refresh_all() == 0
    asked = ("settle-again", contract_id, contract_id)
    said = printed(await invoke(*asked, environment={"DEGNODE_DATABASE_URL": database_url}))
    assert said == f"{contract_id}  is going to be settled again"
    await desk_at(uow_factory, database, world.clock.now()).do_all_due()
    assert await world.refresh_all() == 1
    async with uow_factory() as uow:
        assert await find_events(contract_id, uow=uow) == events
        assert await find_bills(contract_id, uow=uow) == bills


async def test_what_was_never_agreed_is_not_settled(
    world: SellerWorld, uow_factory: UnitOfWorkFactory, database: Database, database_url: str
) -> None:
    contract_id = (await world.buy(10))["beckn:id"]
    async with uow_factory() as uow:
        await uow.connection.execute(text("UPDATE contracts SET confirmed_at = NULL, refresh_at = NULL"))
    environment = {"DEGNODE_DATABASE_URL": database_url}
    said = printed(await invoke("settle-again", contract_id, environment=environment))
    assert said == f"{contract_id}  has nothing to settle"
    await put(uow_factory, settle_again(contract_id))
    await desk_at(uow_factory, database, world.clock.now()).do_all_due()
    assert await world.refresh_all() == 0
    refused = await invoke("settle-again", "of-nobody", environment=environment)
    assert isinstance(refused.exception, OrderNotFound)
    await put(uow_factory, settle_again("of-nobody"))
    with capture_logs() as logs:
        for _ in range(4):
            await desk_at(uow_factory, database, world.clock.now()).do_all_due()
            await make_all_due(database)
    assert [(log["event"], log["arguments"]) for log in logs] == [("job.given_up", {"contract": "of-nobody"})]


async def make_all_due(database: Database) -> None:
    """Have jobs that wait to be tried again wait no longer."""
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE jobs.procrastinate_jobs SET scheduled_at = NULL"))
