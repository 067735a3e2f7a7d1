"""Statements made from a real database: every bill is computed anew from its own, whatever was revised."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from bpp.accounts.statements import make_statement
from bpp.api.bills import bill_router
from bpp.deliveries.curtailment import curtail_contract
from bpp.platform import Bpp
from degnode.bill_verifier.statement import StatementUnreadable
from degnode.bill_verifier.verify import verify_statement
from kernel.clock import parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from node.audit import Actor
from protocol.actions import Action
from settlement.bill_owners import BillAmbiguous
from settlement.bills import BillNotFound
from settlement.correcting import Reversal, find_corrections, reverse_correction
from settlement.store import find_bills
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.bill_statements import resealed
from tests.support.command_line import invoke, printed
from tests.support.seller_api import KEY as OPERATORS_KEY
from tests.support.seller_api import seller_api
from tests.support.seller_world import (
    EXPORT,
    IMPORT,
    PARTIES,
    SOURCE_METER,
    SellerWorld,
    catalogue,
    correspondent,
    hours_of,
)
from trading.charges import LineKind, Tax
from trading.contracts import ContractStore
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut
from trading.periods import BillingPeriod

Json = dict[str, Any]

KEY = {"X-Api-Key": OPERATORS_KEY}
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
FIRST, SECOND = "11111111", "22222222"
START = parse_instant("2026-01-30T00:00:00Z")
WINDOW = Interval(START, START + 5 * DAY)
"""Two days of January, three of February: two bills."""
TAX = Tax(
    title="GST", percent=Decimal(18), jurisdiction="KA", applies_to=frozenset(LineKind) - {LineKind.TAX}
)
EVEN, MUCH = [1_000] * 24, [1_500] * 24


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a seller of five days' energy, with a tax on everything."""
    sold = catalogue()
    resources = tuple(replace(each, production=WINDOW, available=Energy(300_000)) for each in sold.resources)
    offers = tuple(
        replace(each, terms=replace(each.terms, taxes=(TAX,)), validity=None, maximum=None)
        for each in sold.offers
    )
    bpp = Bpp(catalogue=replace(sold, resources=resources, offers=offers), correspondent=correspondent())
    return await SellerWorld(uow_factory=uow_factory, bpp=bpp).open()


@pytest.fixture
async def client(world: SellerWorld) -> AsyncIterator[httpx.AsyncClient]:
    routers = [bill_router(uow_factory=world.uow_factory, clock=world.clock)]
    connect = seller_api(routers, uow_factory=world.uow_factory, clock=world.clock)
    async with connect(None) as connected:
        yield connected


async def buy(world: SellerWorld, kilowatt_hours: int, meter: str) -> str:
    """Return the id of a contract that was confirmed a minute after the last."""
    world.clock.advance(timedelta(minutes=1))
    world.transaction_id = str(uuid4())
    bought: str = (await world.buy(kilowatt_hours, target_meter=meter))["beckn:id"]
    return bought


async def count_day(
    world: SellerWorld, day: int, exported: Sequence[int], imported: Sequence[int], at: datetime
) -> None:
    """Have the meters tell of a day at an instant, and the contracts be looked at."""
    world.clock.set(at)
    window = Interval(WINDOW.start + day * DAY, WINDOW.start + (day + 1) * DAY)
    await world.report(SOURCE_METER, EXPORT, hours_of(window, exported))
    for meter in (FIRST, SECOND):
        await world.report(meter, IMPORT, hours_of(window, imported))
    await world.refresh_all()


async def count_all(world: SellerWorld, *, revise: bool = True) -> None:
    """Let five days go by; on the fourth the first two, which are billed, turn out to have been others."""
    for day in range(5):
        await count_day(world, day, EVEN, MUCH, WINDOW.start + (day + 1) * DAY + HOUR)
        if revise and day == 3:
            await count_day(world, 0, [600] * 24, MUCH, world.clock.now() + HOUR)
            await count_day(world, 1, [1_300] * 24, MUCH, world.clock.now() + HOUR)


async def statements_of(world: SellerWorld, contract_id: str) -> list[Json]:
    """Return the statements of all bills of a contract."""
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(contract_id)
        bills = await find_bills(contract_id, uow=uow)
        made = [await make_statement(contract, bill.cycle_id, uow, now=world.clock.now()) for bill in bills]
    return [json.loads(json.dumps(each)) for each in made]


def found_in(statement: Json) -> list[str]:
    return [str(each) for each in verify_statement(json.dumps(statement))]


async def test_bills_of_two_contracts_on_one_meter_follow_from_their_statements(
    world: SellerWorld,
) -> None:
    bought = [await buy(world, 40, FIRST), await buy(world, 60, SECOND)]
    await count_all(world, revise=False)

    for contract in bought:
        statements = await statements_of(world, contract)
        assert len(statements) == 2
        assert [found_in(each) for each in statements] == [[], []]
    [claim] = statements[0]["meters"]["exported"]["claims"]
    assert claim["contracted_wh"] == 40_000
    assert bought[0] not in json.dumps(statements)


async def test_what_was_revised_and_corrected_follows_too(world: SellerWorld) -> None:
    bought = [await buy(world, 40, FIRST), await buy(world, 60, SECOND)]
    await count_all(world)

    statements = [each for contract in bought for each in await statements_of(world, contract)]

    assert [found_in(each) for each in statements] == [[]] * len(statements)
    kinds = {one["kind"] for each in statements for one in each["corrections"]}
    assert kinds == {"ADJUSTMENT", "CREDIT_NOTE"}
    assert any(reading[-1] for each in statements for reading in each["meters"]["exported"]["readings"])
    assert any(each["bill"]["due_minor"] != each["bill"]["total_minor"] for each in statements)


async def test_each_figure_of_a_correction_is_found(world: SellerWorld) -> None:
    contract = await buy(world, 90, FIRST)
    await count_all(world)
    *_, last = await statements_of(world, contract)
    assert last["corrections"]

    for number, correction in enumerate(last["corrections"]):
        for name in ("amount_minor", "run"):
            assert is_found(last, ("corrections", number, name)), name
        assert is_found(last, ("corrections", number, "explanation", "tax_minor"))
        for name in ("delta_minor", "delta_wh", "run"):
            assert is_found(last, ("corrections", number, "explanation", "cycles", 0, name)), name
        for part in range(len(correction["taken_up"])):
            assert is_found(last, ("corrections", number, "taken_up", part, "minor"))


async def test_a_correction_that_was_taken_back_follows(world: SellerWorld) -> None:
    contract = await buy(world, 90, FIRST)
    for day in range(3):
        await count_day(world, day, EVEN, MUCH, WINDOW.start + (day + 1) * DAY + HOUR)
    await count_day(world, 0, [600] * 24, MUCH, world.clock.now() + HOUR)
    world.clock.advance(HOUR)
    async with world.uow_factory() as uow:
        [wrong] = await find_corrections(contract, uow=uow)
        await reverse_correction(
            Reversal(
                contract_id=contract,
                bill_id=wrong.bill_id,
                run=wrong.run,
                actor="operator",
                reason="the meter was right",
            ),
            parties=PARTIES,
            uow=uow,
            now=world.clock.now(),
        )
    for day in (3, 4):
        await count_day(world, day, EVEN, MUCH, WINDOW.start + (day + 1) * DAY + HOUR)

    statements = await statements_of(world, contract)

    assert [found_in(each) for each in statements] == [[], []]
    assert [one["reverses"] for one in statements[0]["corrections"]] == [None, 2]


async def test_a_bill_of_its_own_follows_where_bills_are_of_days(uow_factory: UnitOfWorkFactory) -> None:
    sold = catalogue()
    offers = [
        replace(each, terms=replace(each.terms, billing_period=BillingPeriod.DAILY)) for each in sold.offers
    ]
    bpp = Bpp(catalogue=replace(sold, offers=tuple(offers)), correspondent=correspondent())
    world = await SellerWorld(uow_factory=uow_factory, bpp=bpp).open()
    contract: str = (await world.buy(10))["beckn:id"]
    world.clock.set(parse_instant("2026-01-09T18:05:00Z"))
    await world.deliver([500] * 8)
    world.clock.advance(DAY)
    await world.deliver([1_000] * 8)

    statements = await statements_of(world, contract)

    assert [each["bill"]["bill"] for each in statements] == ["bill-2026-01-009", "bill-2026-01-010"]
    assert [found_in(each) for each in statements] == [[], []]


async def test_what_was_cut_counts_from_when_it_was_known(world: SellerWorld) -> None:
    bought = [await buy(world, 60, FIRST), await buy(world, 60, SECOND)]
    for day in range(5):
        await count_day(world, day, EVEN, MUCH, WINDOW.start + (day + 1) * DAY + HOUR)
        if day == 1:
            world.clock.advance(timedelta(minutes=1))
            await cut(world, bought[0], 5_000, since=world.clock.now() - 2 * HOUR)

    for contract in bought:
        statements = await statements_of(world, contract)
        assert [found_in(each) for each in statements] == [[]] * len(statements)


async def test_what_a_cancelled_contract_delivered_follows(world: SellerWorld) -> None:
    bought = [await buy(world, 60, FIRST), await buy(world, 60, SECOND)]
    for day in range(5):
        if day == 2:
            world.clock.set(WINDOW.start + 2 * DAY + timedelta(hours=5, minutes=20))
            await world.send(Action.CANCEL, {"order": {"beckn:id": bought[0]}})
        await count_day(world, day, EVEN, MUCH, WINDOW.start + (day + 1) * DAY + HOUR)

    for contract in bought:
        statements = await statements_of(world, contract)
        assert statements
        assert [found_in(each) for each in statements] == [[]] * len(statements)


async def test_a_bill_is_explained_over_http_and_at_the_command_line(
    world: SellerWorld, client: httpx.AsyncClient, database_url: str, tmp_path: Path
) -> None:
    contract = await buy(world, 90, FIRST)
    await count_all(world)
    by_contract = await client.get(
        f"/api/v1/contracts/{contract}/bills/bill-2026-01-001/explain", headers=KEY
    )
    by_bill = await client.get(
        "/api/v1/bills/bill-2026-01-001/explain", params={"contract": contract}, headers=KEY
    )
    environment = {"DEGNODE_DATABASE_URL": database_url, "DEGNODE_DATA_DIR": str(tmp_path)}
    asked = ("explain", "bill-2026-02-001", "--contract", contract)
    for_people = printed(await invoke(*asked, environment=environment | {"COLUMNS": "160"}))
    for_programs = printed(await invoke(*asked, "--json", environment=environment))

    assert by_contract.json() == by_bill.json()
    assert verify_statement(by_bill.content) == []
    assert verify_statement(for_programs) == []
    for word in ("Settlement cycles", "settle-2026-02-01-001", "Corrections", "GST (18 %, KA)", "readings"):
        assert word in for_people, for_people


async def test_a_bill_is_explained_without_its_contract_where_no_other_has_one_of_that_id(
    world: SellerWorld, client: httpx.AsyncClient, database_url: str, tmp_path: Path
) -> None:
    contract = await buy(world, 90, FIRST)
    path, environment = "/api/v1/bills/bill-2026-01-001/explain", {"DEGNODE_DATABASE_URL": database_url}
    asked = ("explain", "bill-2026-01-001", "--json", "--data-dir", str(tmp_path))
    assert (await client.get(path, headers=KEY)).status_code == 404
    await count_all(world)
    only = await client.get(path, headers=KEY)
    assert only.json()["contract"]["id"] == contract
    assert json.loads(printed(await invoke(*asked, environment=environment)))["contract"]["id"] == contract


async def test_where_several_contracts_have_a_bill_of_that_id_they_are_named(
    world: SellerWorld, client: httpx.AsyncClient, database_url: str, tmp_path: Path
) -> None:
    contracts = [await buy(world, 40, meter) for meter in (FIRST, SECOND)]
    await count_all(world)
    refused = await client.get("/api/v1/bills/bill-2026-01-001/explain", headers=KEY)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "BILL_AMBIGUOUS")
    assert ", ".join(sorted(contracts)) in refused.text
    asked = ("explain", "bill-2026-01-001", "--data-dir", str(tmp_path))
    said = await invoke(*asked, environment={"DEGNODE_DATABASE_URL": database_url})
    assert isinstance(said.exception, BillAmbiguous)


async def test_an_invoice_is_a_page_over_http_and_a_page_or_lines_at_the_command_line(
    world: SellerWorld, client: httpx.AsyncClient, database_url: str, tmp_path: Path
) -> None:
    contract = await buy(world, 90, FIRST)
    await count_all(world)
    environment = {"DEGNODE_DATABASE_URL": database_url, "DEGNODE_DATA_DIR": str(tmp_path)}
    asked = ("explain", "bill-2026-02-001", "--contract", contract, "--format")
    served = await client.get(f"/api/v1/contracts/{contract}/bills/bill-2026-02-001/invoice", headers=KEY)
    page = printed(await invoke(*asked, "html", environment=environment))
    lines = printed(await invoke(*asked, "csv", environment=environment))

    assert served.headers["content-type"] == "text/html; charset=utf-8"
    assert served.headers["content-security-policy"].startswith("default-src 'none'")
    assert served.text.strip() == page
    assert "<svg" in page
    assert lines.startswith("bill,kind,title,amount,taken_off,currency\nbill-2026-02-001,ENERGY,Energy Cost,")


async def test_an_invoice_is_a_pdf_for_whom_asks_for_one(
    world: SellerWorld, client: httpx.AsyncClient, database_url: str, tmp_path: Path
) -> None:
    contract = await buy(world, 90, FIRST)
    await count_all(world, revise=False)
    invoice = f"/api/v1/contracts/{contract}/bills/bill-2026-02-001/invoice"
    environment = {"DEGNODE_DATABASE_URL": database_url, "DEGNODE_DATA_DIR": str(tmp_path)}
    file = tmp_path / "bill.pdf"
    asked = ("explain", "bill-2026-02-001", "--contract", contract, "--format", "pdf")

    by_header = await client.get(invoice, headers=KEY | {"Accept": "application/pdf"})
    by_parameter = await client.get(f"{invoice}?format=pdf", headers=KEY)
    browsed = await client.get(invoice, headers=KEY | {"Accept": "text/html, application/pdf"})
    printed(await invoke(*asked, "--out", str(file), environment=environment))
    nowhere = await invoke(*asked, environment=environment)

    assert by_header.headers["content-type"] == "application/pdf"
    assert by_header.content.startswith(b"%PDF-")
    assert by_header.content == by_parameter.content == file.read_bytes()
    assert browsed.headers["content-type"] == "text/html; charset=utf-8"
    assert nowhere.exit_code != 0
    assert "--out" in nowhere.output


async def test_a_node_without_the_extra_says_how_to_get_it(
    world: SellerWorld, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    contract = await buy(world, 90, FIRST)
    await count_all(world, revise=False)

    answer = await client.get(
        f"/api/v1/contracts/{contract}/bills/bill-2026-02-001/invoice?format=pdf", headers=KEY
    )

    assert answer.status_code == 501
    assert "degnode[pdf]" in answer.text


async def test_another_process_verifies_a_statement_that_was_fetched(
    world: SellerWorld, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    contract = await buy(world, 90, FIRST)
    await count_all(world)
    told = await client.get(f"/api/v1/contracts/{contract}/bills/bill-2026-02-001/explain", headers=KEY)
    honest, forged = tmp_path / "honest.json", tmp_path / "forged.json"
    honest.write_bytes(told.content)
    changed = json.loads(told.content)
    changed["bill"]["total_minor"] += 1
    forged.write_text(resealed(changed))

    assert [await verified_by_command(file) for file in (honest, forged)] == [0, 1]


async def verified_by_command(file: Path) -> int | None:
    """Return the status with which `degnode verify-bill` ends in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "degnode", "verify-bill", str(file), stdout=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


async def test_there_is_no_statement_of_a_bill_that_there_is_not(
    world: SellerWorld, client: httpx.AsyncClient
) -> None:
    contract = await buy(world, 90, FIRST)
    answer = await client.get(f"/api/v1/contracts/{contract}/bills/none/explain", headers=KEY)

    assert answer.status_code == 404
    async with world.uow_factory() as uow:
        found = await ContractStore(uow.connection).get(contract)
        with pytest.raises(BillNotFound):
            await make_statement(found, "none", uow, now=world.clock.now())


async def cut(world: SellerWorld, contract_id: str, watt_hours: int, *, since: datetime) -> None:
    wanted = Curtailment(
        cut=Cut(quantity=Energy(watt_hours), reason=CurtailmentReason.GRID_OUTAGE), since=since
    )
    async with world.uow_factory() as uow:
        await curtail_contract(
            world.bpp,
            contract_id,
            wanted,
            uow,
            by=Actor(who="operator"),
            why="a storm",
            now=world.clock.now(),
        )


def is_found(statement: Json, path: tuple[str | int, ...]) -> bool:
    """Say whether a figure is found once it is changed, though the digest fits."""
    forged: Any = json.loads(json.dumps(statement))
    holder = forged
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] += 1
    try:
        return bool(verify_statement(resealed(forged)))
    except StatementUnreadable:
        return True
