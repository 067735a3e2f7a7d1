"""A stall that is sold by the minute, for tests: the example catalogue, and a driver's platform."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import simplejson
from sqlalchemy import insert

from bpp.catalog_file.reader import load_catalogue
from bpp.platform import Bpp
from kernel.clock import ManualClock
from kernel.energy import Energy
from protocol.profile import V2_LTS, Profile
from stations.tables import station_connectors
from stations.tables import stations as stations_table
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import NOON, OPERATOR
from tests.support.command_line import invoke, printed
from tests.support.seller_world import SellerWorld, correspondent
from trading.request import OrderRequest

STALLS: Final = Path(__file__).resolve().parents[2] / "examples" / "catalog" / "charging-stalls.yaml"
STALL: Final = "IN*ECO*E01BTM*A1"
STALL_METER: Final = "500600701"
MINUTE: Final = timedelta(minutes=1)
SLOT: Final = NOON + 60 * MINUTE
"""When a stall that is reserved at noon is to be ready."""

WALK_IN: Final = OrderRequest(
    seller=OPERATOR,
    buyer_id="driver-1",
    resource_id=STALL,
    offer_id="stall-a1-walk-in",
    quantity=Energy(31_000),
)
RESERVED: Final = replace(WALK_IN, offer_id="stall-a1-reserved", trade_start=SLOT)


def stalls(
    uow_factory: UnitOfWorkFactory, *, is_moved: bool = False, profile: Profile = V2_LTS
) -> SellerWorld:
    """Return the platform of the stall at noon; `is_moved` says that a station moves its plug."""
    plugs = frozenset({STALL}) if is_moved else frozenset()
    bpp = Bpp(catalogue=load_catalogue(STALLS), correspondent=correspondent(), plugs=plugs)
    world = SellerWorld(uow_factory=uow_factory, bpp=bpp, clock=ManualClock(NOON))
    return world.speaking(profile)


async def moved_stalls(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return that platform, open, with a connected station that moves the plug of the stall."""
    world = await stalls(uow_factory, is_moved=True).open()
    async with world.uow_factory() as uow:
        await uow.connection.execute(
            insert(stations_table).values(station_id="cs-1", protocol="ocpp1.6", connected_at=NOON)
        )
        await uow.connection.execute(
            insert(station_connectors).values(
                connector_id=STALL, station_id="cs-1", number=1, status="AVAILABLE", status_at=NOON
            )
        )
    return world


async def settled_by_command(order: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Return what `degnode settle-session` makes of a contract as it was told."""
    file = tmp_path / "on_status.json"
    file.write_text(simplejson.dumps({"message": {"contract": order}}, use_decimal=True))
    found: dict[str, Any] = json.loads(printed(await invoke("settle-session", str(file), "--json")))
    return found


def states_in(order: dict[str, Any]) -> list[str]:
    """Return the states of the ledger of a contract that was told."""
    return [row["state"] for row in order["performance"][0]["performanceAttributes"]["ledger"]]


def at(order: dict[str, Any]) -> list[datetime]:
    """Return since when each state of a ledger holds."""
    rows = order["performance"][0]["performanceAttributes"]["ledger"]
    return [datetime.fromisoformat(row["at"]) for row in rows]
