"""A rooftop sells ten kilowatt-hours to a bakery, as they flow: both meters report every four seconds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self
from zoneinfo import ZoneInfo

from degnode.demo.meters import EXPORTED, IMPORTED
from degnode.demo.noon import BEGINS, PLACE, simulate_noon
from degnode.demo.playbill import Playbill, SetUp
from degnode.demo.scenario import CONTRACTED, SOURCE_METER, TARGET_METER, Scenario, make_scenario
from degnode.demo.stage import Outcome, Stage
from kernel.energy import ZERO_ENERGY
from trading.request import OrderRequest

_SUN: Final = timedelta(minutes=10)
"""How long there is something to buy: time enough to start, also where much else is going on."""
_LEAD: Final = timedelta(seconds=6)
"""From the first look to the first watt-hour: time enough to agree, and to simulate a noon."""
_BUYER: Final = "mill-lane-bakery"


@dataclass(frozen=True, slots=True)
class PeerToPeer:
    """The trade of `make demo`."""

    scenario: Scenario

    @classmethod
    def at(cls, now: datetime) -> Self:
        """Return the story of a sun that shines from `now` on."""
        return cls(make_scenario(now, lead=timedelta(0), spare=_SUN))

    @property
    def playbill(self) -> Playbill:
        return Playbill(title="solar energy", source="roof", target="bakery")

    def set_up(self, folder: Path) -> SetUp:
        """Write what the roof sells into `folder`."""
        catalogue = folder / "catalog.yaml"
        self.scenario.write_catalogue(catalogue)
        return SetUp(catalogue=catalogue)

    async def tell(self, stage: Stage) -> Outcome:
        """Run the trade from the first look to the bill. Raises: TradeFailed."""
        stage.introduce(seller="the rooftop in Mill Lane", buyer="the app of a bakery")
        noon = stage.clock.now().astimezone(ZoneInfo(self.scenario.zone))
        stage.narrator.say(f"It is {noon:%H:%M} in {self.scenario.zone}: the sun shines on the roof.")
        scenario, wanted = await self._discover(stage)
        stage.narrator.step(f"The app buys {CONTRACTED}: quote, terms, contract")
        await stage.select(wanted)
        await stage.init(wanted)
        await stage.confirm()
        await _deliver(stage, scenario)
        stage.narrator.step("The window is over: the contract is settled and billed")
        return await stage.settled()

    async def _discover(self, stage: Stage) -> tuple[Scenario, OrderRequest]:
        """Return when the energy is to flow, and the order for it."""
        stage.narrator.step("The app looks for solar energy")
        found = await stage.discover("solar", "noon")
        scenario = self.scenario.beginning(stage.clock.now() + _LEAD)
        resource, (offer,) = found.resource, found.offers
        price, wheeling = offer.terms.price, offer.terms.wheeling
        stage.narrator.messages(
            f"{resource.available} of {resource.source.source_type} at {price.per_kwh} "
            f"{price.currency.code}/kWh, wheeling {wheeling or 'free'}"
        )
        return scenario, OrderRequest(
            seller=resource.provider_id,
            buyer_id=_BUYER,
            resource_id=resource.id,
            offer_id=offer.id,
            quantity=CONTRACTED,
            contracted=CONTRACTED,
            target_meter=TARGET_METER,
            trade_start=scenario.window.start,
            trade_end=scenario.window.end,
        )


async def _deliver(stage: Stage, scenario: Scenario) -> None:
    window, narrator = scenario.window, stage.narrator
    narrator.step(
        f"The energy flows from {window.start:%H:%M:%S} to {window.end:%H:%M:%S} UTC; "
        "both meters report every 4 s"
    )
    narrator.say(
        f"Each 4 s bring an hour of a simulated day: {BEGINS:%-d %B in} {PLACE.name.capitalize()}, from "
        f"{BEGINS:%H:%M} on, clouds clearing."
    )
    noon = await asyncio.to_thread(simulate_noon)  # there is time until the window begins
    source, target = stage.meter(SOURCE_METER, EXPORTED), stage.meter(TARGET_METER, IMPORTED)
    given = taken = ZERO_ENERGY
    for period, exported, imported in zip(scenario.intervals, noon.exported, noon.imported, strict=True):
        given, taken = given + exported, taken + imported
        await stage.sleep_until(period.end)
        await source.report(period, [exported])
        await target.report(period, [imported])
        narrator.say(
            f"IEEE 2030.5 → BPP   roof gave {exported}, bakery took {imported} until {period.end:%H:%M:%S}"
        )
        if period.end < window.end:
            await stage.tell_delivery(exported=given, imported=taken)
