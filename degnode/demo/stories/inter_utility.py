"""A roof sells over the grids of two distribution utilities, which are asked before anything is agreed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from degnode.demo.month import PLACE, Flow, counted_by, play_back
from degnode.demo.playbill import PAST, Playbill, SetUp, copy_catalogue
from degnode.demo.stage import Found, Outcome, Stage
from degnode.processes import BAP_ID, BPP_ID
from degnode.simulation.premises import Premises, Roof
from degnode.simulation.standard_load import Profile
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.local_days import find_zone
from kernel.mrid import canonical_mrid
from metering.energy import Direction
from protocol.actions import Action
from trading.mapping.grid import name_utility
from trading.request import OrderRequest

EAST: Final = "east-grid.demo.local"
WEST: Final = "west-grid.demo.local"
TOO_MUCH: Final = Energy(25_000)
CONTRACTED: Final = Energy(8_000)
SOURCE_METER: Final = "100200800"
TARGET_METER: Final = "98765800"
_BEGINS, _LASTS = timedelta(hours=10), timedelta(hours=4)  # of the local day
_FILES: Final = ("east-tariff.yaml", "west-tariff.yaml")
_ROOF: Final = Premises(
    number=6,
    mrid=canonical_mrid(SOURCE_METER, lenient=True)[2:],
    annual_kwh=2_400,
    roof=Roof(peak_watts=6_000, tilt=25, azimuth=PLACE.facing_the_sun),
)
_SHOP: Final = Premises(
    number=7,
    mrid=canonical_mrid(TARGET_METER, lenient=True)[2:],
    annual_kwh=16_000,
    profile=Profile.BUSINESS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterUtility:
    """A trade of a midday of the last week, from the grid of the east to that of the west."""

    window: Interval

    @classmethod
    def at(cls, now: datetime) -> Self:
        """Return the story of the sunniest of the seven days before `now`. Raises: SimulationNotInstalled."""
        today = now.astimezone(find_zone(PLACE.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
        begins = (today - timedelta(days=days) + _BEGINS for days in range(1, 8))
        windows = [Interval(begin, begin + _LASTS) for begin in begins]
        return cls(window=max(windows, key=lambda window: sum(_given(window), ZERO_ENERGY)))

    @property
    def playbill(self) -> Playbill:
        return Playbill(title="solar energy over two grids", source="roof", target="shop")

    def set_up(self, folder: Path) -> SetUp:
        """Let two utilities run beside the platforms."""
        for tariff in _FILES:
            copy_catalogue(tariff, folder)
        return SetUp(
            catalogue=copy_catalogue("inter-utility.yaml", folder),
            settings={"bpp": PAST, **{each: {"DEGNODE_LOG_LEVEL": "DEBUG"} for each in (EAST, WEST)}},
            utilities={
                EAST: copy_catalogue("east-grid.yaml", folder),
                WEST: copy_catalogue("west-grid.yaml", folder),
            },
        )

    async def tell(self, stage: Stage) -> Outcome:
        """Run the trade from the first look to the bill. Raises: TradeFailed."""
        narrator = stage.narrator
        stage.introduce(seller="a roof in the east", buyer="the app of a shop in the west")
        begin = self.window.start.astimezone(find_zone(PLACE.zone))
        narrator.say(f"It is about {begin:%-d %B} from {begin:%H:%M} on, which is over, and played back.")
        narrator.step("The app looks for solar energy")
        found = await stage.discover("solar", "east")
        (offer,) = found.offers
        price = offer.terms.price
        narrator.messages(f"{offer.name}: {price.per_kwh} {price.currency.code}/kWh")

        narrator.step(f"It asks for {TOO_MUCH}: the shop's utility says no")
        await self._ask_for_too_much(stage, found)
        narrator.step(f"It asks for {CONTRACTED}: both utilities are asked, and what they charge is quoted")
        wanted = self._order(stage, found, CONTRACTED)
        drafted = await stage.init(wanted)
        value = drafted.value or {}
        for part in value["components"]:
            narrator.say(f"{part['value']:>8} {part['currency']}  {part['description']}")
        narrator.say(f"{value['value']:>8} {value['currency']}  in all")
        narrator.step("It confirms: both utilities record the trade")
        await stage.confirm()

        narrator.step("The energy flows: two IEEE 2030.5 meters tell of every quarter hour")
        source, target = await asyncio.to_thread(flows, self.window)
        await play_back(stage, self.window, source=source, target=target, part=timedelta(hours=2))
        narrator.step("The window is over: the contract is settled and billed, with carriage over both grids")
        return await stage.settled()

    async def _ask_for_too_much(self, stage: Stage, found: Found) -> None:
        message = stage.wire.write_order_request(self._order(stage, found, TOO_MUCH))
        why = await stage.app.refusal(Action.INIT, message, transaction_id=stage.transaction_id)
        stage.narrator.messages("[red]refused[/red]")
        stage.narrator.say(why)

    def _order(self, stage: Stage, found: Found, quantity: Energy) -> OrderRequest:
        wanted = OrderRequest(
            seller=found.resource.provider_id,
            buyer_id="janakpuri-shop",
            resource_id=found.resource.id,
            offer_id=found.offers[0].id,
            quantity=quantity,
            contracted=quantity,
            target_meter=TARGET_METER,
            trade_start=self.window.start,
            trade_end=self.window.end,
        )
        return name_utility(stage.wire, wanted, utility=WEST, buyer_platform=BAP_ID, seller_platform=BPP_ID)


def flows(window: Interval) -> tuple[Flow, Flow]:
    """Return what the roof gives and what the shop takes. Raises: SimulationNotInstalled."""
    taken = counted_by(_SHOP, window, direction=Direction.IMPORT)
    return (
        Flow(mrid=SOURCE_METER, owner="roof", energies=_given(window)),
        Flow(mrid=TARGET_METER, owner="shop", energies=taken),
    )


def _given(window: Interval) -> tuple[Energy, ...]:
    return counted_by(_ROOF, window, direction=Direction.EXPORT)
