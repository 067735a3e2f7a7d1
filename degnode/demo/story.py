"""The story: discover, select, init, confirm; the meters report; the contract is settled and billed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from degnode.demo.app import App, Json, TradeFailed
from degnode.demo.meters import EXPORTED as EXPORT
from degnode.demo.meters import IMPORTED as IMPORT
from degnode.demo.meters import SimulatedMeter
from degnode.demo.narrator import Narrator
from degnode.demo.noon import BEGINS, PLACE, simulate_noon
from degnode.demo.scenario import CONTRACTED, SOURCE_METER, TARGET_METER, Scenario
from degnode.processes import BAP_ID, BPP_ID, Network
from kernel.clock import Clock
from protocol.actions import Action
from trading.mapping.parts import OrderParts
from trading.mapping.wire import Wire
from trading.request import Criteria, OrderRequest

_LEAD: Final = timedelta(seconds=6)
"""From the first look to the first watt-hour: time enough to agree, and to simulate a noon."""
_SETTLED_WITHIN: Final = timedelta(seconds=15)
_LOOK_EVERY: Final = 0.25  # seconds
_BUYER: Final = "mill-lane-bakery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the story ended: the transaction as the BAP's API tells it, and the last on_status."""

    transaction: Json
    last_on_status: Json


@dataclass(slots=True, kw_only=True)
class Story:
    """One trade on a running network."""

    network: Network
    scenario: Scenario
    app: App
    clock: Clock
    narrator: Narrator
    wire: Wire
    transaction_id: str = ""
    _last: Json = field(default_factory=dict, init=False)

    async def tell(self) -> Outcome:
        """Run the trade from the first look to the bill.

        Raises: TradeFailed.
        """
        self._introduce()
        await self._agree(await self._discover())
        await self._deliver()
        return await self._settle()

    def _introduce(self) -> None:
        noon = self.clock.now().astimezone(ZoneInfo(self.scenario.zone))
        self.narrator.step("1  Three processes, one registry, one PostgreSQL")
        self.narrator.say(f"registry  {self.network.registry.url}   knows whose key is whose")
        self.narrator.say(f"BPP       {self.network.bpp.url}   sells for the rooftop in Mill Lane ({BPP_ID})")
        self.narrator.say(f"BAP       {self.network.bap.url}   buys for the app of a bakery ({BAP_ID})")
        self.narrator.say(f"It is {noon:%H:%M} in {self.scenario.zone}: the sun shines on the roof.")

    async def _discover(self) -> OrderRequest:
        self.narrator.step("2  The app looks for solar energy")
        answer = await self.app.call(
            Action.DISCOVER, self.wire.write_criteria(Criteria(words=("solar", "noon")))
        )
        self.transaction_id = answer["transaction_id"]
        listings = self.wire.read_catalog(answer["message"])
        if not listings:
            raise TradeFailed(
                "nothing is for sale any more: starting took longer than the demo's sun shines",
                hint="Try again when this machine has less to do.",
            )
        (listing,) = listings
        self.scenario = self.scenario.beginning(self.clock.now() + _LEAD)
        (resource,), (offer,) = listing.resources, listing.offers
        price, wheeling = offer.terms.price, offer.terms.wheeling
        self.narrator.messages(
            f"{resource.available} of {resource.source.source_type} at {price.per_kwh} "
            f"{price.currency.code}/kWh, wheeling {wheeling or 'free'}"
        )
        return OrderRequest(
            seller=resource.provider_id,
            buyer_id=_BUYER,
            resource_id=resource.id,
            offer_id=offer.id,
            quantity=CONTRACTED,
            contracted=CONTRACTED,
            target_meter=TARGET_METER,
            trade_start=self.scenario.window.start,
            trade_end=self.scenario.window.end,
        )

    async def _agree(self, wanted: OrderRequest) -> None:
        self.narrator.step(f"3  The app buys {CONTRACTED}: quote, terms, contract")
        request = self.wire.write_order_request(wanted)
        quoted = await self._exchange(Action.SELECT, request)
        value = quoted.value or {}
        self.narrator.messages(f"quoted {value['value']} {value['currency']}")
        drafted = await self._exchange(Action.INIT, request)
        self.narrator.messages(f"{_status(drafted)}, {CONTRACTED} held for this buyer")
        confirmed = await self._exchange(Action.CONFIRM, self._last)
        self.narrator.messages(f"[bold]{_status(confirmed)}[/bold]")

    async def _deliver(self) -> None:
        window = self.scenario.window
        self.narrator.step(
            f"4  The energy flows from {window.start:%H:%M:%S} to {window.end:%H:%M:%S} UTC; "
            "both meters report every 4 s"
        )
        self.narrator.say(
            f"Each 4 s bring an hour of a simulated day: {BEGINS:%-d %B in} {PLACE.name.capitalize()}, from "
            f"{BEGINS:%H:%M} on, clouds clearing."
        )
        noon = await asyncio.to_thread(simulate_noon)  # there is time until the window begins
        source = self._meter(SOURCE_METER, EXPORT)
        target = self._meter(TARGET_METER, IMPORT)
        for period, exported, imported in zip(
            self.scenario.intervals, noon.exported, noon.imported, strict=True
        ):
            await self._sleep_until(period.end)
            await source.report(period, exported.watt_hours)
            await target.report(period, imported.watt_hours)
            self.narrator.say(
                f"IEEE 2030.5 → BPP   roof gave {exported}, bakery took {imported} "
                f"until {period.end:%H:%M:%S}"
            )
            if period.end == window.end:
                break
            await asyncio.sleep(_LOOK_EVERY)
            state = await self.app.transaction(self.transaction_id)
            delivery = state["delivery"] or {}
            self.narrator.messages(
                f"{delivery.get('deliveryStatus', '')} {delivery.get('deliveredQuantity', 0)} kWh delivered"
            )

    async def _settle(self) -> Outcome:
        self.narrator.step("5  The window is over: the contract is settled and billed")
        deadline = self.clock.now() + _SETTLED_WITHIN
        while True:
            transaction = await self.app.transaction(self.transaction_id)
            if transaction["contract_status"] == "COMPLETED":
                break
            if self.clock.now() >= deadline:
                raise TradeFailed(
                    f"order {transaction['order_id']} is {transaction['contract_status']}, not COMPLETED, "
                    f"{_SETTLED_WITHIN.total_seconds():.0f} s after its window"
                )
            await asyncio.sleep(_LOOK_EVERY)
        self.narrator.messages("[bold]COMPLETED[/bold]")
        statuses = [
            message["document"]
            for message in transaction["messages"]
            if message["direction"] == "in" and message["action"] == Action.ON_STATUS
        ]
        return Outcome(transaction=transaction, last_on_status=statuses[-1])

    async def _exchange(self, action: Action, message: Json) -> OrderParts:
        """Return the parts of the order that answers `message`; the next request goes on from it."""
        answer = await self.app.call(action, message, transaction_id=self.transaction_id)
        self._last = answer["message"]
        return self.wire.find_parts(self._last[self.wire.ORDER_KEY])

    def _meter(self, mrid: str, direction: int) -> SimulatedMeter:
        return SimulatedMeter(
            mrid=mrid, direction=direction, url=self.network.bpp.url, api_key=self.network.api_key
        )

    async def _sleep_until(self, instant: datetime) -> None:
        await asyncio.sleep(max(0.0, (instant - self.clock.now()).total_seconds()))


def _status(order: OrderParts) -> str:
    return str((order.contract or {})["contractStatus"])
