"""Two platforms over one database, one of which loses its power at work: all is done, and all of it once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import text

from bpp.deliveries.jobs import SEAL_LEDGER
from bpp.deliveries.upkeep import note_bills
from degnode.processes import Network, Service, free_port, small_network
from kernel.clock import SystemClock
from settlement.events import find_broken, find_events
from settlement.ledger.ledger import Ledger
from storage.database import Database
from storage.job_queue import Job, put_job
from storage.migrate import migrate
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.ledgers import open_accounts, transfer
from tests.support.processes import again, eventually, rows
from tests.support.seller_world import CATALOGUE_FILE, EXPORT, IMPORT, WINDOW, SellerWorld, hours_of
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.terms import SettlementType

CONTRACTS: Final = 120
CYCLES: Final = 8  # each of them has: an hour is one
DAYS: Final = 10  # that the ledger is behind
FAR_OFF: Final = datetime(2200, 1, 1, tzinfo=UTC)
FEW: Final = 5
BILLED: Final = CYCLES * 250 + 120  # cents: wheeling of eight cycles, and 8 kWh


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    """A registry, and a database that two platforms will share."""
    async with small_network(catalog=CATALOGUE_FILE, start=("registry",)) as running:
        yield running


@pytest.fixture
async def platforms(network: Network) -> AsyncIterator[Sequence[Service]]:
    """Two processes of one seller's platform, with the same key."""
    port = free_port()
    second = replace(again(network.bpp, DEGNODE_PORT=str(port)), url=f"http://127.0.0.1:{port}")
    second.log_file = network.folder / "second.log"
    yield (network.bpp, second)
    await second.stop()


@pytest.fixture
async def shared(network: Network) -> AsyncIterator[Database]:
    database = Database.connect(network.database_urls["bpp"])
    await migrate(database)
    yield database
    await database.close()


def mrid_of(number: int, *, direction: int) -> str:
    return f"{0xA00000 + 16 * number + direction % 16:08X}"


async def sell(uow_factory: UnitOfWorkFactory, bap_url: str) -> list[str]:
    """Keep contracts whose meters have told of everything and at which nobody looks yet; return their ids."""
    world = await SellerWorld(uow_factory=uow_factory).open()
    order = await world.buy(10)
    async with uow_factory() as uow:
        store = ContractStore(uow.connection)
        sold = replace(await store.get(order["beckn:id"]), refresh_at=None)
        await store.save(sold)  # the model of the others is not looked at
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    for number in range(CONTRACTS):
        for direction in (EXPORT, IMPORT):
            meter = mrid_of(number, direction=direction)
            await world.report(meter, direction, hours_of(WINDOW, [1_000] * CYCLES))
    async with uow_factory() as uow:
        store = ContractStore(uow.connection)
        contracts = [_copy(sold, number, bap_url) for number in range(CONTRACTS)]
        for contract in contracts:
            await store.save(contract)
    return [contract.id for contract in contracts]


def _copy(sold: Contract, number: int, bap_url: str) -> Contract:
    return replace(
        sold,
        id=f"contract-{number:03}",
        transaction_id=f"contract-{number:03}",
        bap_url=bap_url,
        source=replace(sold.source, meter_id=mrid_of(number, direction=EXPORT)),
        target_meter=mrid_of(number, direction=IMPORT),
        terms=replace(sold.terms, settlement_type=SettlementType.HOURLY),
        refresh_at=FAR_OFF,
    )


async def let_all_be_due(uow_factory: UnitOfWorkFactory, contracts: Sequence[str]) -> None:
    """Have every contract looked at from now on, and every day of the ledger sealed."""
    now = SystemClock().now()
    await open_accounts(uow_factory)
    async with uow_factory() as uow:
        await Ledger(uow).transfer(transfer("long ago"), now=now - timedelta(days=DAYS))
        for number in range(3 * DAYS):
            await put_job(uow, Job(kind=SEAL_LEDGER, about=f"look {number}"))
        await note_bills(uow, contracts=contracts, now=now)


def has_refreshed(service: Service) -> int:
    return sum(event.get("event") == "contract.refreshed" for event in service.log_events())


async def all_done(network: Network) -> bool:
    (found,) = await rows(
        network.database_urls["bpp"],
        """SELECT (SELECT count(*) FROM contracts WHERE refresh_at IS NOT NULL) AS due,
                  (SELECT count(*) FROM ledger_seals) AS sealed""",
    )
    return bool(found["due"] == 0 and found["sealed"] >= DAYS)


async def count(uow: UnitOfWork, rows_of: str, *, of: str | None = None) -> Counter[tuple[Any, ...]]:
    """Return how often each row is there; with `of`, only of the contracts of `sell`."""
    among = f" WHERE {of} LIKE 'contract-%'" if of else ""
    return Counter(tuple(row) for row in await uow.connection.execute(text(f"SELECT {rows_of}{among}")))


@pytest.mark.timeout(400)  # three starts
async def test_what_two_platforms_do_is_done_once_though_one_is_killed_at_work(
    network: Network, platforms: Sequence[Service], shared: Database
) -> None:
    uow_factory = UnitOfWorkFactory(shared)
    contracts = await sell(uow_factory, bap_url=f"http://127.0.0.1:{free_port()}")
    await asyncio.gather(*(platform.start() for platform in platforms))
    dying, surviving = platforms
    await let_all_be_due(uow_factory, contracts)

    async def both_are_at_work() -> bool:
        return min(map(has_refreshed, platforms)) >= FEW

    await eventually(both_are_at_work, what="both have settled some", every=0.01)
    await dying.kill()
    assert not await all_done(network)
    left = CONTRACTS - has_refreshed(dying) - has_refreshed(surviving)
    assert left > 0
    await eventually(lambda: all_done(network), what="the other does all that is left")

    async with uow_factory() as uow:
        cycles = await count(uow, "contract_id, status, run FROM settlement_cycles", of="contract_id")
        events = await count(uow, "contract_id, subject, event FROM settlement_events", of="contract_id")
        bills = await count(uow, "contract_id, total_minor FROM billing_cycles", of="contract_id")
        ended = await count(uow, "contract_id, event FROM contract_events", of="contract_id")
        told = await count(uow, "transaction_id, action FROM outbox", of="transaction_id")
        sealed = await count(uow, "day FROM ledger_seals")
        runs = await count(uow, "cycle FROM settlement_runs")
        histories = [await find_events(contract, uow=uow) for contract in contracts]
    assert cycles == dict.fromkeys(((contract, "SETTLED", 1) for contract in contracts), CYCLES)
    assert bills == dict.fromkeys(((contract, BILLED) for contract in contracts), 1)
    assert ended == dict.fromkeys(((contract, "COMPLETE") for contract in contracts), 1)
    assert told == dict.fromkeys(((contract, "on_status") for contract in contracts), 1)
    assert Counter(event for _, _, event in events.elements()) == {
        "POSTED": CONTRACTS * CYCLES,
        "ISSUED": CONTRACTS,
    }
    assert set(events.values()) == {1}
    assert (len(sealed), set(sealed.values()), runs) == (DAYS, {1}, {})
    assert [find_broken(history) for history in histories] == [None] * CONTRACTS
