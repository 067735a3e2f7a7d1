"""Two processes of one operator's platform, a load balancer's work: stations are reached through either."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from degnode.processes import free_port
from kernel.clock import SystemClock
from tests.support.charge_points import ChargePoint16
from tests.support.charging_market import Driver, app_of, charging_market
from tests.support.processes import again

SECOND = timedelta(seconds=1)


def now() -> datetime:
    return SystemClock().now().replace(microsecond=0)


@pytest.mark.timeout(400)  # four processes start
async def test_a_session_starts_at_a_station_of_another_process_and_survives_the_end_of_that(
    tmp_path: Path,
) -> None:
    async with charging_market(tmp_path, plugs=1) as network, app_of(network) as app:
        port = free_port()
        second = replace(again(network.bpp, DEGNODE_PORT=str(port)), url=f"http://127.0.0.1:{port}")
        second.log_file = network.folder / "second.log"
        await second.start()
        try:
            driver = Driver(network, app, 1)  # whose orders the first process takes
            async with ChargePoint16(second.url, "CP-1") as station:
                await station.boot()
                await station.status("Preparing", now())
                await driver.buy(5)
                await driver.wish("ACTIVE")
                tag = (await station.heard("RemoteStartTransaction"))["id_tag"]
                at = now()
                begun = await station.start(tag, at, 1_000)
                await driver.hears("ACTIVE")
                ended_at = max(now(), at + SECOND)
                await second.kill()
            async with ChargePoint16(network.bpp.url, "CP-1") as station:
                await station.boot()
                await driver.wish("STOP")
                stopped = await station.heard("RemoteStopTransaction")
                assert stopped == {"transaction_id": begun.transaction_id}
                await station.stop(begun.transaction_id, ended_at, 2_000)
                await station.status("Available", ended_at)
                await driver.hears("COMPLETED")
                assert (await driver.bill())["totalAmount"] == 45  # 1 kWh
        finally:
            await second.stop()
