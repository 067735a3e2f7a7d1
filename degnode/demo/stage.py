"""The stage of every story: a running network, an app on it, and the steps that all stories have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from degnode.demo.app import App, Json, TradeFailed
from degnode.demo.cashier import Cashier
from degnode.demo.meters import SimulatedMeter
from degnode.demo.narrator import Narrator
from degnode.processes import BAP_ID, BPP_ID, Network
from kernel.clock import Clock
from kernel.currency import Currency
from kernel.energy import Energy
from protocol.actions import Action
from trading.listing import ListedOffer, Listing
from trading.mapping.parts import OrderParts
from trading.mapping.wire import Wire
from trading.offer import Resource
from trading.request import Criteria, OrderRequest

_SETTLED_WITHIN: Final = timedelta(seconds=30)
_TOLD_WITHIN: Final = timedelta(seconds=10)
_LOOK_EVERY: Final = 0.25  # seconds

_HOW_MANY: Final = {0: "Three", 2: "Five"}
"""In words, by the utilities beside registry, BAP and BPP."""

Condition = Callable[[Json], bool]
"""What a transaction must have come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a story ended: the transaction as the BAP's API tells it, and the last on_status."""

    transaction: Json
    last_on_status: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the app looked for: energy, and the offers on which it is sold."""

    resource: Resource
    offers: tuple[ListedOffer, ...]


@dataclass(slots=True, kw_only=True)
class Stage:
    """A running network with an app; all messages of a story bear one transaction id."""

    network: Network
    app: App
    cashier: Cashier
    clock: Clock
    narrator: Narrator
    wire: Wire
    transaction_id: str = ""
    last_message: Json = field(default_factory=dict, init=False)

    def introduce(self, *, seller: str, buyer: str) -> None:
        """Say which processes run, and for whom."""
        self.narrator.step(
            f"{_HOW_MANY[len(self.network.utilities)]} processes, one registry, one PostgreSQL"
        )
        self.narrator.say(f"registry  {self.network.registry.url}   knows whose key is whose")
        self.narrator.say(f"BPP       {self.network.bpp.url}   sells for {seller} ({BPP_ID})")
        self.narrator.say(f"BAP       {self.network.bap.url}   buys for {buyer} ({BAP_ID})")
        for name, service in self.network.utilities.items():
            self.narrator.say(f"utility   {service.url}   {name}")

    async def discover(self, *words: str) -> Found:
        """Return the only energy that all `words` fit. Raises: TradeFailed."""
        answer = await self.app.call(Action.DISCOVER, self.wire.write_criteria(Criteria(words=words)))
        self.transaction_id = answer["transaction_id"]
        listings: list[Listing] = list(self.wire.read_catalog(answer["message"]))
        if not listings:
            raise TradeFailed(
                "nothing is for sale any more: starting took longer than the demo's sun shines",
                hint="Try again when this machine has less to do.",
            )
        (listing,) = listings
        (resource,) = listing.resources
        return Found(resource=resource, offers=listing.offers)

    async def select(self, wanted: OrderRequest) -> OrderParts:
        """Have an order quoted, and tell of its price."""
        quoted = await self.exchange(Action.SELECT, self.wire.write_order_request(wanted))
        value = quoted.value or {}
        self.narrator.messages(f"quoted {value['value']} {value['currency']}")
        return quoted

    async def init(self, wanted: OrderRequest) -> OrderParts:
        """Have an order's quantity held and its terms fixed."""
        drafted = await self.exchange(Action.INIT, self.wire.write_order_request(wanted))
        self.narrator.messages(f"{contract_status(drafted)}, {wanted.quantity} held for this buyer")
        return drafted

    async def confirm(self) -> OrderParts:
        """Make the order binding as the seller last wrote it."""
        confirmed = await self.exchange(Action.CONFIRM, self.last_message)
        self.narrator.messages(f"[bold]{contract_status(confirmed)}[/bold]")
        return confirmed

    @property
    def order_id(self) -> str | None:
        """The id of the order as the seller last wrote it."""
        return self.wire.find_parts(self.last_message[self.wire.ORDER_KEY]).order_id

    async def exchange(self, action: Action, message: Json) -> OrderParts:
        """Return the parts of the order that answers `message`; the next request goes on from it."""
        answer = await self.app.call(action, message, transaction_id=self.transaction_id)
        self.last_message = answer["message"]
        return self.wire.find_parts(self.last_message[self.wire.ORDER_KEY])

    def meter(self, mrid: str, direction: int) -> SimulatedMeter:
        """Return a meter that reports to the seller's platform."""
        return SimulatedMeter(
            mrid=mrid, direction=direction, url=self.network.bpp.url, api_key=self.network.api_key
        )

    async def tell_delivery(self, *, exported: Energy, imported: Energy) -> None:
        """Tell what the buyer's platform hears of the delivery, once it knows of both meters' energy.

        Raises: TradeFailed.
        """
        counted = [exported.kilowatt_hours, imported.kilowatt_hours]
        transaction = await self._once(
            lambda found: _last_stands(found) == counted,
            within=_TOLD_WITHIN,
            what=f"no on_status told of {exported} and {imported}",
        )
        delivery = transaction["delivery"]
        self.narrator.messages(f"{delivery['deliveryStatus']} {delivery['deliveredQuantity']} kWh delivered")

    async def settled(self) -> Outcome:
        """Return the outcome once the contract is fulfilled, and tell of it. Raises: TradeFailed."""
        transaction = await self._once(
            lambda found: found["contract_status"] == "COMPLETED",
            within=_SETTLED_WITHIN,
            what="the contract is not COMPLETED after its window",
        )
        self.narrator.messages("[bold]COMPLETED[/bold]")
        return Outcome(transaction=transaction, last_on_status=statuses_in(transaction)[-1])

    async def paid(self) -> Outcome:
        """Return the outcome once the buyer knows that its bill is paid, and tell of it.

        Raises: TradeFailed.
        """
        transaction = await self._once(
            lambda found: all(bill["status"] == "PAID" for bill in found["bill"]["billing_cycles"]),
            within=_SETTLED_WITHIN,
            what="the bill is not PAID",
        )
        self.narrator.messages("[bold]PAID[/bold]")
        return Outcome(transaction=transaction, last_on_status=statuses_in(transaction)[-1])

    async def say_deposit(self, currency: Currency) -> None:
        """Say what is left of the deposit of the buyer's platform. Raises: TradeFailed, if there is none."""
        left = await self.cashier.deposit_of(BAP_ID, currency=currency)
        if left is None:
            raise TradeFailed("the deposit is not on the seller's ledger")
        self.narrator.say(f"the buyer's deposit stands at {left}")

    async def sleep_until(self, instant: datetime) -> None:
        """Return when the instant has come."""
        await asyncio.sleep(max(0.0, (instant - self.clock.now()).total_seconds()))

    async def _once(self, holds: Condition, *, within: timedelta, what: str) -> Json:
        """Return the transaction as soon as it `holds`. Raises: TradeFailed."""
        deadline = self.clock.now() + within
        while not holds(transaction := await self.app.transaction(self.transaction_id)):
            if self.clock.now() >= deadline:
                raise TradeFailed(
                    f"order {transaction['order_id']}, {transaction['contract_status']}: {what} within "
                    f"{within.total_seconds():.0f} s"
                )
            await asyncio.sleep(_LOOK_EVERY)
        return transaction


def _last_stands(transaction: Json) -> list[Decimal | None]:
    """Return how far both meters have come by what the buyer's platform knows. Units: kWh."""
    readings = (transaction["delivery"] or {}).get("meterReadings", [])
    return [readings[-1].get(end) for end in ("sourceReading", "targetReading")] if readings else []


def statuses_in(transaction: Json) -> list[Json]:
    """Return every on_status that the buyer's platform received, the oldest first."""
    return [
        message["document"]
        for message in transaction["messages"]
        if message["direction"] == "in" and message["action"] == Action.ON_STATUS
    ]


def contract_status(order: OrderParts) -> str:
    """Return how the contract stands by what the seller wrote."""
    return str((order.contract or {})["contractStatus"])
