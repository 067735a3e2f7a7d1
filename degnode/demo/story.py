"""The story: discover, select, init, confirm; the meters report; the contract is settled and billed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from degnode.demo.app import App, Json, TradeFailed
from degnode.demo.meters import EXPORTED as EXPORT
from degnode.demo.meters import IMPORTED as IMPORT
from degnode.demo.meters import SimulatedMeter
from degnode.demo.narrator import Narrator
from degnode.demo.scenario import (
    CONTRACTED,
    EXPORTED,
    IMPORTED,
    SOURCE_METER,
    TARGET_METER,
    Scenario,
)
from degnode.processes import BAP_ID, BPP_ID, Network
from kernel.clock import Clock, format_instant
from kernel.energy import Energy
from protocol.actions import Action
from schemas import iris

_SETTLED_WITHIN: Final = timedelta(seconds=15)
_LOOK_EVERY: Final = 0.25  # seconds
ORDER: Final = "beckn:orderAttributes"


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
    transaction_id: str = ""

    async def tell(self) -> Outcome:
        """Run the trade from the first look to the bill.

        Raises: TradeFailed.
        """
        self._introduce()
        offer = await self._discover()
        order = await self._agree(offer)
        await self._deliver()
        return await self._settle(order)

    def _introduce(self) -> None:
        noon = self.clock.now().astimezone(ZoneInfo(self.scenario.zone))
        self.narrator.step("1  Three processes, one registry, one PostgreSQL")
        self.narrator.say(f"registry  {self.network.registry.url}   knows whose key is whose")
        self.narrator.say(f"BPP       {self.network.bpp.url}   sells for the rooftop in Mill Lane ({BPP_ID})")
        self.narrator.say(f"BAP       {self.network.bap.url}   buys for the app of a bakery ({BAP_ID})")
        self.narrator.say(f"It is {noon:%H:%M} in {self.scenario.zone}: the sun shines on the roof.")

    async def _discover(self) -> Json:
        self.narrator.step("2  The app looks for solar energy")
        answer = await self.app.call(
            Action.DISCOVER,
            {
                "filters": {
                    "type": "jsonpath",
                    "expression": "$[?@['beckn:itemAttributes'].sourceType == 'SOLAR']",
                }
            },
        )
        self.transaction_id = answer["transaction_id"]
        (catalog,) = answer["message"]["catalogs"]
        (item,), (offer,) = catalog["beckn:items"], catalog["beckn:offers"]
        resource, terms = item["beckn:itemAttributes"], offer["beckn:offerAttributes"]
        self.narrator.messages(
            f"{resource['availableQuantity']} kWh of {resource['sourceType']} at "
            f"{offer['beckn:price']['value']} {offer['beckn:price']['currency']}/kWh, "
            f"wheeling {terms['wheelingCharges']['amount']}"
        )
        return dict(offer)

    async def _agree(self, offer: Json) -> Json:
        self.narrator.step(f"3  The app buys {CONTRACTED}: quote, terms, contract")
        order = self._draft(offer)
        quoted = await self._exchange(Action.SELECT, order)
        price = quoted["beckn:orderValue"]
        self.narrator.messages(f"quoted {price['value']} {price['currency']}")
        drafted = await self._exchange(Action.INIT, order)
        self.narrator.messages(f"{drafted[ORDER]['contractStatus']}, {CONTRACTED} held for this buyer")
        confirmed = await self._exchange(Action.CONFIRM, drafted)
        self.narrator.messages(f"[bold]{confirmed[ORDER]['contractStatus']}[/bold]")
        return confirmed

    async def _deliver(self) -> None:
        window = self.scenario.window
        self.narrator.step(
            f"4  The energy flows from {window.start:%H:%M:%S} to {window.end:%H:%M:%S} UTC; "
            "both meters report every 4 s"
        )
        source = self._meter(SOURCE_METER, EXPORT)
        target = self._meter(TARGET_METER, IMPORT)
        for period, exported, imported in zip(self.scenario.intervals, EXPORTED, IMPORTED, strict=True):
            await self._sleep_until(period.end)
            await source.report(period, exported)
            await target.report(period, imported)
            self.narrator.say(
                f"IEEE 2030.5 → BPP   roof gave {Energy(exported)}, bakery took {Energy(imported)} "
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

    async def _settle(self, order: Json) -> Outcome:
        self.narrator.step("5  The window is over: the contract is settled and billed")
        deadline = self.clock.now() + _SETTLED_WITHIN
        while True:
            transaction = await self.app.transaction(self.transaction_id)
            if transaction["contract_status"] == "COMPLETED":
                break
            if self.clock.now() >= deadline:
                raise TradeFailed(
                    f"order {order['beckn:id']} is {transaction['contract_status']}, not COMPLETED, "
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

    async def _exchange(self, action: Action, order: Json) -> Json:
        answer = await self.app.call(action, {"order": order}, transaction_id=self.transaction_id)
        return dict(answer["message"]["order"])

    def _draft(self, offer: Json) -> Json:
        """Return the order as the app first thinks of it: what, how much, when, and to which meter."""
        window = self.scenario.window
        return {
            "@context": iris.CORE_CONTEXT,
            "@type": "beckn:Order",
            "beckn:orderStatus": "CREATED",
            "beckn:seller": offer["beckn:provider"],
            "beckn:buyer": {
                "@context": iris.CORE_CONTEXT,
                "@type": "beckn:Buyer",
                "beckn:id": "mill-lane-bakery",
            },
            "beckn:orderItems": [
                {
                    "beckn:orderedItem": offer["beckn:items"][0],
                    "beckn:acceptedOffer": offer,
                    "beckn:quantity": {"unitQuantity": Decimal("10.0"), "unitText": "kWh", "unitCode": "KWH"},
                }
            ],
            "beckn:orderAttributes": {
                "@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT,
                "@type": iris.ENERGY_TRADE_CONTRACT,
                "targetMeterId": TARGET_METER,
                "contractedQuantity": Decimal("10.0"),
                "tradeStartTime": format_instant(window.start),
                "tradeEndTime": format_instant(window.end),
            },
        }

    def _meter(self, mrid: str, direction: int) -> SimulatedMeter:
        return SimulatedMeter(
            mrid=mrid, direction=direction, url=self.network.bpp.url, api_key=self.network.api_key
        )

    async def _sleep_until(self, instant: datetime) -> None:
        await asyncio.sleep(max(0.0, (instant - self.clock.now()).total_seconds()))
