"""A seller of five days' energy over the end of a month, which is two bills, revised in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import text

from bpp.platform import Bpp
from kernel.clock import parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from settlement.ledger.accounts import Account, AccountKind
from settlement.ledger.audit import audit_ledger
from settlement.ledger.findings import Audit
from settlement.ledger.journal import AccountUnknown
from settlement.ledger.ledger import Ledger
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import (
    BAP_ID,
    BPP_ID,
    EXPORT,
    IMPORT,
    SOURCE_METER,
    TARGET_METER,
    SellerWorld,
    catalogue,
    correspondent,
    hours_of,
)
from trading.charges import LineKind, Tax

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
START = parse_instant("2026-01-30T00:00:00Z")
WINDOW = Interval(START, START + 5 * DAY)
"""Two days of January, three of February: two bills."""
TAX = Tax(
    title="GST", percent=Decimal(18), jurisdiction="KA", applies_to=frozenset(LineKind) - {LineKind.TAX}
)


async def open_seller(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a seller of five days' energy, with a tax on everything."""
    sold = catalogue()
    resources = tuple(replace(each, production=WINDOW, available=Energy(300_000)) for each in sold.resources)
    offers = tuple(
        replace(each, terms=replace(each.terms, taxes=(TAX,)), validity=None, maximum=None)
        for each in sold.offers
    )
    bpp = Bpp(catalogue=replace(sold, resources=resources, offers=offers), correspondent=correspondent())
    return await SellerWorld(uow_factory=uow_factory, bpp=bpp).open()


async def count_day(world: SellerWorld, day: int, exported: int, at: datetime) -> None:
    """Have the meters tell of a day, hour by hour the same, and the contracts be looked at."""
    world.clock.set(at)
    window = Interval(START + day * DAY, START + (day + 1) * DAY)
    await world.report(SOURCE_METER, EXPORT, hours_of(window, [exported] * 24))
    await world.report(TARGET_METER, IMPORT, hours_of(window, [5_000] * 24))
    await world.refresh_all()


async def count_days(world: SellerWorld, days: range, *, exported: int = 1_000) -> None:
    """Let days go by, each told of an hour after it."""
    for day in days:
        await count_day(world, day, exported, START + (day + 1) * DAY + HOUR)


async def on_account(
    uow_factory: UnitOfWorkFactory, kind: AccountKind, owner: str | None = None, unit: str = "USD"
) -> int:
    """Return what stands on an account in cents: the seller's PAYABLE, else one of the buyer's platform."""
    usual = BPP_ID if kind is AccountKind.PAYABLE else BAP_ID
    async with uow_factory() as uow:
        try:
            found = await Ledger(uow).balance(Account(owner=owner or usual, kind=kind, unit=unit))
        except AccountUnknown:
            return 0
    return found.posted


async def audit(uow_factory: UnitOfWorkFactory) -> Audit:
    async with uow_factory() as uow:
        await uow.connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        return await audit_ledger(uow=uow, keys={})
