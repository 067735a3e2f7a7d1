"""A car is charged at a fast charger: as it comes, or in a slot that was reserved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from degnode.demo.app import TradeFailed
from degnode.demo.cashier import RAIL
from degnode.demo.playbill import Playbill, SetUp, copy_catalogue
from degnode.demo.scenario import zone_at_noon
from degnode.demo.stage import Found, Outcome, Stage
from degnode.processes import BAP_ID
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from protocol.actions import Action
from trading.delivery import SessionStatus
from trading.report import ContractReport
from trading.request import OrderRequest, SessionWish

DEPOSIT: Final = Money(100_000, Currency("INR"))
_BUYER: Final = "driver-of-a-blue-car"
_ENOUGH: Final = Energy(6_000)
"""What the driver who walks in takes, and then unplugs."""
_LEAD: Final = timedelta(seconds=12)
_SLOT: Final = timedelta(seconds=40)
_LOOK_EVERY: Final = 0.5  # seconds
_MOST_LOOKS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Charging:
    """A session at the plug; each second of it brings what a charger brings in a minute."""

    zone: str
    reserved: bool

    @classmethod
    def walk_in(cls, now: datetime) -> Self:
        """Return the story of a driver who comes by, and leaves before the car has all that was ordered."""
        return cls(zone=zone_at_noon(now), reserved=False)

    @classmethod
    def in_a_slot(cls, now: datetime) -> Self:
        """Return the story of a driver who reserved, and whose car takes a little more than was ordered."""
        return cls(zone=zone_at_noon(now), reserved=True)

    @property
    def ordered(self) -> Energy:
        return Energy(8_000 if self.reserved else 12_000)

    @property
    def playbill(self) -> Playbill:
        return Playbill(title="energy for a car", source="plug", target="car")

    def set_up(self, folder: Path) -> SetUp:
        """Let the platform have a station, on days that do not end while it charges, and take payments."""
        catalogue = copy_catalogue("charging.yaml", folder)
        text = catalogue.read_text(encoding="utf-8")
        catalogue.write_text(text.replace("Asia/Kolkata", self.zone), encoding="utf-8")
        stations = {"DEGNODE_STATIONS": str(copy_catalogue("stations.yaml", folder))}
        return SetUp(catalogue=catalogue, settings={"bpp": RAIL | stations})

    async def tell(self, stage: Stage) -> Outcome:
        """Run the session from the first look to the paid bill. Raises: TradeFailed."""
        narrator = stage.narrator
        stage.introduce(seller="a charging station", buyer="the app of a driver")
        narrator.say("Each second of charging brings what a charger of 60 kW brings in a minute.")
        narrator.step("The app looks for a fast charger")
        found = await stage.discover("charger")
        price = found.offers[0].terms.price
        narrator.messages(f"{found.resource.name}: {price.per_kwh} {price.currency.code}/kWh")
        narrator.step(f"Its platform pays {DEPOSIT} into its deposit with the operator")
        await stage.cashier.take_deposit(DEPOSIT, payer=BAP_ID)
        await stage.say_deposit(DEPOSIT.currency)

        wanted = self._order(found, stage.clock.now())
        narrator.step(
            f"The driver {'reserves a slot' if self.reserved else 'is at the plug'}: {self.ordered}"
        )
        await self._agree(stage, wanted)
        await stage.say_deposit(DEPOSIT.currency)
        await self._charge(stage, wanted)
        narrator.step("The session is over: what was taken is billed and paid, and the rest returns")
        await stage.settled()
        outcome = await stage.paid()
        await stage.say_deposit(DEPOSIT.currency)
        return outcome

    async def _agree(self, stage: Stage, wanted: OrderRequest) -> None:
        quoted = await stage.select(wanted)
        for part in (quoted.value or {})["components"]:
            stage.narrator.say(f"{part['value']:>8} {part['currency']}  {part['description']}")
        await stage.init(wanted)
        await stage.confirm()

    async def _charge(self, stage: Stage, wanted: OrderRequest) -> None:
        """Start the session, watch it, and stop it, unless the station does."""
        narrator = stage.narrator
        if wanted.trade_start is not None and wanted.trade_end is not None:
            narrator.step(f"The slot begins at {wanted.trade_start:%H:%M:%S} UTC; the app starts the session")
            await stage.sleep_until(wanted.trade_start)
        else:
            narrator.step("The app starts the session")
        order_id = stage.order_id
        await _wish(stage, replace(wanted, order_id=order_id, session=SessionWish.START))
        if self.reserved:
            await _watch(stage, until=lambda report: _status(report) is SessionStatus.COMPLETED)
            narrator.say("The car has all that was ordered, and what the buffer allows: the station stopped.")
            return
        await _watch(stage, until=lambda report: report.delivery.delivered >= _ENOUGH)
        narrator.step("The driver has enough: the app stops the session")
        await _wish(stage, replace(wanted, order_id=order_id, session=SessionWish.STOP))

    def _order(self, found: Found, now: datetime) -> OrderRequest:
        """Return an order for as long as it takes, or for a slot that begins soon."""
        start = (now + _LEAD).replace(microsecond=0)
        return OrderRequest(
            seller=found.resource.provider_id,
            buyer_id=_BUYER,
            resource_id=found.resource.id,
            offer_id=found.offers[0].id,
            quantity=self.ordered,
            trade_start=start if self.reserved else None,
            trade_end=start + _SLOT if self.reserved else None,
        )


async def _wish(stage: Stage, wanted: OrderRequest) -> None:
    """Have the session started or stopped, and tell what the operator says."""
    parts = await stage.exchange(Action.UPDATE, stage.wire.write_update(wanted))
    stage.narrator.messages(str((parts.delivery or {}).get("sessionStatus", "")))


async def _watch(stage: Stage, *, until: Callable[[ContractReport], bool]) -> None:
    """Tell how far the session is as the app hears of it. Raises: TradeFailed, if it goes on for too long."""
    told = ""
    for _ in range(_MOST_LOOKS):
        transaction = await stage.app.transaction(stage.transaction_id)
        report = stage.wire.read_contract(transaction["order"])
        news = f"{_status(report)} {report.delivery.delivered}"
        if news != told:
            stage.narrator.messages(news)
            told = news
        if until(report):
            return
        await asyncio.sleep(_LOOK_EVERY)
    raise TradeFailed(f"the session still stands at {told}")


def _status(report: ContractReport) -> SessionStatus | None:
    return report.delivery.session.status if report.delivery.session else None
