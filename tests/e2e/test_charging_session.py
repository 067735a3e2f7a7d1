"""A vehicle is charged between real platforms: moved by the app, counted by the meter of the plug."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from degnode.bill_verifier.verify import verify_statement
from degnode.demo.app import App
from degnode.demo.meters import IMPORTED, SimulatedMeter
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from kernel.energy import Energy
from kernel.interval import Interval
from node.api_keys import HEADER
from protocol.actions import Action
from tests.support.charging_world import CHARGE, EXAMPLE, PLUG_METER
from tests.support.processes import eventually, seller_of
from trading.delivery import SessionStatus
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.report import ContractReport
from trading.request import SessionWish

Json = dict[str, Any]
WIRE = wire_of("v2_rc")


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Return the example's catalogue, whose sessions are paid when they are over."""
    file = tmp_path / "catalog.yaml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8").replace("payment: prepaid", "payment: postpaid"))
    return file


async def test_a_driver_charges_through_the_app_and_is_billed_for_what_the_meter_counted(
    catalog: Path,
) -> None:
    async with (
        small_network(catalog=catalog) as network,
        App(network.bap.url, api_key=network.api_key, seller=seller_of(network), profile="v2_rc") as app,
    ):
        drafted = await app.call(Action.INIT, WIRE.write_order_request(CHARGE))
        transaction_id = drafted["transaction_id"]
        confirmed = await app.call(Action.CONFIRM, drafted["message"], transaction_id=transaction_id)
        bought = WIRE.read_contract(confirmed["message"]["order"])

        async def wish(wanted: SessionWish) -> ContractReport:
            request = replace(CHARGE, order_id=bought.order_id, session=wanted)
            answer = await app.call(Action.UPDATE, WIRE.write_update(request), transaction_id=transaction_id)
            return WIRE.read_contract(answer["message"]["order"])

        async def told() -> ContractReport:
            return WIRE.read_contract((await app.transaction(transaction_id))["order"])

        started = await wish(SessionWish.START)
        assert _status(started) is SessionStatus.ACTIVE
        stopped = await wish(SessionWish.STOP)
        assert _status(stopped) is SessionStatus.COMPLETED

        async def has_ended() -> bool:
            return (await app.transaction(transaction_id))["order"] is not None and _is_past(stopped)

        await eventually(has_ended, what="the session's last second is over")
        meter = SimulatedMeter(
            mrid=PLUG_METER, direction=IMPORTED, url=network.bpp.url, api_key=network.api_key
        )
        charged = Interval(started.window.start, stopped.window.end)
        await meter.report(charged, [Energy(2_000)])

        async def is_billed() -> bool:
            return bool((await told()).bills)

        await eventually(is_billed, what="the session is billed")
        report = await told()
        assert report.status is ContractStatus.COMPLETED
        assert report.delivery.delivered == Energy(2_000)
        [bill] = report.bills
        assert bill.total.minor == 9000 - 1500 + 2000 + 1000 + 225
        await _check(network, report)


async def _check(network: Network, report: ContractReport) -> None:
    """See that the statement of the bill follows from itself."""
    path = f"/api/v1/contracts/{report.order_id}/bills/{report.bills[0].cycle_id}/explain"
    async with httpx.AsyncClient(base_url=network.bpp.url, headers={HEADER: network.api_key}) as operator:
        statement = await operator.get(path)
        assert verify_statement(statement.text) == []
        assert statement.json()["contract"]["session"]["began"]


def _status(report: ContractReport) -> SessionStatus:
    assert report.delivery.session is not None
    return report.delivery.session.status


def _is_past(report: ContractReport) -> bool:
    return SystemClock().now() >= report.window.end
