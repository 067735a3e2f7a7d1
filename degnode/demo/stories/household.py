"""A household is supplied for a month: it compares two tariffs, takes the cheaper one, and pays the bill."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Self

from degnode.demo.cashier import RAIL
from degnode.demo.month import WEEK, Flow, counted_by, last_month, name_of, play_back
from degnode.demo.playbill import PAST, Playbill, SetUp, copy_catalogue
from degnode.demo.stage import Found, Outcome, Stage
from degnode.simulation.premises import Premises
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.mrid import canonical_mrid
from metering.energy import Direction
from trading.request import OrderRequest

CONTRACTED: Final = Energy(400_000)
"""More than the household takes in any month: what it takes is billed."""
SOURCE_METER: Final = "100200500"
TARGET_METER: Final = "98765500"
_HOME: Final = Premises(
    number=4, mrid=canonical_mrid(TARGET_METER, lenient=True)[2:], annual_kwh=3_400, has_car=False
)
_CABLE_LOSS: Final = 50
"""One watt-hour of so many is lost on the way from the pole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdMonth:
    """A month of supply."""

    month: Interval

    @classmethod
    def at(cls, now: datetime) -> Self:
        """Return the story of the newest month that is over at `now`."""
        return cls(month=last_month(now))

    @property
    def playbill(self) -> Playbill:
        return Playbill(title="supply for a home", source="pole", target="home")

    def set_up(self, folder: Path) -> SetUp:
        """Let the platform sell what is past, and take payments."""
        return SetUp(catalogue=copy_catalogue("household.yaml", folder), settings={"bpp": PAST | RAIL})

    async def tell(self, stage: Stage) -> Outcome:
        """Run the supply from the choice of a tariff to the paid bill. Raises: TradeFailed."""
        narrator = stage.narrator
        stage.introduce(seller="a supplier of homes", buyer="the app of a household")
        narrator.say(f"The month is {name_of(self.month)}: it is over, and played back week by week.")
        narrator.step("The app looks for a supplier")
        found = await stage.discover("supply", "home")
        narrator.messages(f"{len(found.offers)} tariffs")
        narrator.step(f"It has up to {CONTRACTED} quoted on both tariffs, and takes the cheaper one")
        wanted = await self._cheapest(stage, found)
        await stage.init(wanted)
        await stage.confirm()

        narrator.step("The month goes by: two IEEE 2030.5 meters tell of every quarter hour")
        source, target = await asyncio.to_thread(_flows, self.month)
        await play_back(stage, self.month, source=source, target=target, part=WEEK)

        narrator.step("The month is over: its days are settled, and the bill is issued")
        settled = await stage.settled()
        narrator.step("The household pays its bill")
        order_id = settled.transaction["order_id"]
        for bill in settled.transaction["bill"]["billing_cycles"]:
            await stage.cashier.take_payment(order_id=order_id, bill_id=bill["cycleId"])
        return await stage.paid()

    async def _cheapest(self, stage: Stage, found: Found) -> OrderRequest:
        """Return the order on the offer whose quote is the lowest."""
        quotes: list[tuple[Decimal, OrderRequest]] = []
        for offer in found.offers:
            wanted = replace(self._order(found), offer_id=offer.id)
            stage.narrator.say(offer.name)
            quoted = await stage.select(wanted)
            quotes.append(((quoted.value or {})["value"], wanted))
        return min(quotes, key=lambda quote: quote[0])[1]

    def _order(self, found: Found) -> OrderRequest:
        return OrderRequest(
            seller=found.resource.provider_id,
            buyer_id="patel-nagar-12",
            resource_id=found.resource.id,
            quantity=CONTRACTED,
            contracted=CONTRACTED,
            target_meter=TARGET_METER,
            trade_start=self.month.start,
            trade_end=self.month.end,
        )


def _flows(month: Interval) -> tuple[Flow, Flow]:
    """Return what the meter at the pole gives and what the home takes. Raises: SimulationNotInstalled."""
    taken = taken_by_home(month)
    given = [energy + Energy(energy.watt_hours // _CABLE_LOSS) for energy in taken]
    return (
        Flow(mrid=SOURCE_METER, owner="pole", energies=given),
        Flow(mrid=TARGET_METER, owner="home", energies=taken),
    )


def taken_by_home(month: Interval) -> tuple[Energy, ...]:
    """Return what the home takes in each quarter of an hour. Raises: SimulationNotInstalled."""
    return counted_by(_HOME, month, direction=Direction.IMPORT)
