"""A seller's platform that follows a utility's server: told to stop, it does not ask on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bpp.catalog_file.reader import load_catalogue
from bpp.platform import Bpp
from degnode.roles import bpp as role
from degnode.roles.catalogue import open_catalogue
from degnode.roles.own_keys import open_own_keys
from degnode.roles.stations import StationParts
from kernel.clock import SystemClock
from node.runtime import Participant, lay_foundation
from protocol.actions import Role
from storage.database import Database
from tests.support.utility_server import Traps, day, serving
from tests.support.waiting import eventually

CATALOG = Path(__file__).parents[1] / "support" / "valley_solar.yaml"


async def test_a_platform_that_is_told_to_stop_ends_a_poll_that_is_under_way(
    database: Database, tmp_path: Path
) -> None:
    clock = SystemClock()
    async with serving(day(), traps=Traps(largest_page=1)) as server:
        server.now = int(clock.now().timestamp())
        feeds = tmp_path / "feeds.yaml"
        feeds.write_text(f"feeds: [{{name: north, url: '{server.root}', subscribe: false}}]")
        settings = role.SellerSettings.model_validate(
            {
                "subscriber_id": "bpp.example.com",
                "public_url": "https://bpp.example.com/",
                "registry_url": "https://registry.example.com",
                "data_dir": tmp_path,
                "catalog": CATALOG,
                "meter_feeds": feeds,
            }
        )
        foundation = lay_foundation(
            role=Role.BPP,
            settings=settings,
            database=database,
            clock=clock,
            signers=await open_own_keys(settings, database=database, clock=clock),
        )
        seller = Bpp(
            catalogue=load_catalogue(CATALOG),
            correspondent=foundation.correspondent,
            hold_for=timedelta(minutes=15),
        )
        catalogue = await open_catalogue(seller, foundation, settings, None)
        parts = role._parts(foundation, seller, settings, StationParts(), catalogue)

        def stop(_path: str) -> None:
            if len(server.asked_for("readings")) == 3:
                parts.on_stop()

        server.traps.before = stop
        participant = Participant(
            foundation, handlers=parts.handlers, workers=parts.workers, cascade=parts.cascade
        )
        async with participant.running():

            async def is_asked() -> bool:
                return len(server.asked_for("readings")) >= 3

            await eventually(is_asked, True)
        assert len(server.asked_for("readings")) == 3
