"""A battery sells the evenings of a month to a factory: paid ahead, settled and billed once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from degnode.demo.cashier import RAIL
from degnode.demo.month import PLACE, QUARTER, SEED, WEEK, Flow, counted_by, last_month, name_of, play_back
from degnode.demo.playbill import PAST, Playbill, SetUp, copy_catalogue
from degnode.demo.stage import Outcome, Stage
from degnode.processes import BAP_ID
from degnode.simulation.dice import Dice
from degnode.simulation.premises import Premises
from degnode.simulation.standard_load import Profile
from kernel.currency import Currency
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.local_days import find_zone
from kernel.money import Money
from kernel.mrid import canonical_mrid
from metering.energy import Direction
from trading.request import OrderRequest

_DAILY: Final = 38  # kWh, a little less than an evening brings
DEPOSIT: Final = Money(1_500_000, Currency("INR"))
SOURCE_METER: Final = "100200400"
TARGET_METER: Final = "98765400"
_EVENING: Final = range(18, 22)  # hours of the local day
_HOUR: Final = timedelta(hours=1)
_POWER: Final = (9_500, 10_500)  # W
_DAYS_AT_REST: Final = 5  # of a hundred: the store is looked after
_FACTORY: Final = Premises(
    number=3,
    mrid=canonical_mrid(TARGET_METER, lenient=True)[2:],
    annual_kwh=60_000,
    connection_watts=40_000,
    profile=Profile.BUSINESS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageMonth:
    """A month of evenings from a battery."""

    month: Interval

    @classmethod
    def at(cls, now: datetime) -> Self:
        """Return the story of the newest month that is over at `now`."""
        return cls(month=last_month(now))

    @property
    def playbill(self) -> Playbill:
        return Playbill(title="stored energy", source="battery", target="factory")

    def set_up(self, folder: Path) -> SetUp:
        """Let the platform sell what is past, and take payments."""
        return SetUp(catalogue=copy_catalogue("storage.yaml", folder), settings={"bpp": PAST | RAIL})

    async def tell(self, stage: Stage) -> Outcome:
        """Run the trade from the first look to the bill. Raises: TradeFailed."""
        month, narrator = self.month, stage.narrator
        stage.introduce(seller="a battery by the river", buyer="the app of a factory")
        narrator.say(f"The month is {name_of(month)}: it is over, and played back week by week.")
        narrator.step("The app looks for energy in the evening")
        found = await stage.discover("evening", "stored")
        (offer,) = found.offers
        narrator.messages(f"{offer.name}: {offer.terms.price.per_kwh} {offer.terms.price.currency.code}/kWh")

        quantity = Energy.from_kwh(month.duration // timedelta(days=1) * _DAILY)
        narrator.step(f"The factory's platform pays {DEPOSIT} into its deposit with the seller")
        await stage.cashier.take_deposit(DEPOSIT, payer=BAP_ID)
        await stage.say_deposit(DEPOSIT.currency)

        narrator.step(f"The app buys {quantity} for the month; the confirmation sets its price aside")
        wanted = OrderRequest(
            seller=found.resource.provider_id,
            buyer_id="okhla-factory",
            resource_id=found.resource.id,
            offer_id=offer.id,
            quantity=quantity,
            contracted=quantity,
            target_meter=TARGET_METER,
            trade_start=month.start,
            trade_end=month.end,
        )
        await stage.select(wanted)
        await stage.init(wanted)
        await stage.confirm()
        await stage.say_deposit(DEPOSIT.currency)

        narrator.step("The month goes by: from 18:00 to 22:00 the battery gives")
        taken = await asyncio.to_thread(counted_by, _FACTORY, month, direction=Direction.IMPORT)
        source = Flow(mrid=SOURCE_METER, owner="battery", energies=evenings(month))
        target = Flow(mrid=TARGET_METER, owner="factory", energies=taken)
        await play_back(stage, month, source=source, target=target, part=WEEK)

        narrator.step("The month is over: settled, billed, and paid from what was set aside")
        await stage.settled()
        outcome = await stage.paid()
        await stage.say_deposit(DEPOSIT.currency)
        return outcome


def evenings(month: Interval) -> Sequence[Energy]:
    """Return what the battery gives in each quarter of an hour of `month`; on some days it rests."""
    zone = find_zone(PLACE.zone)
    given = []
    for number in range(month.duration // QUARTER):
        local = (month.start + number * QUARTER).astimezone(zone)
        dice = Dice("evening", local.date(), seed=SEED)
        works = dice.below(100) >= _DAYS_AT_REST and local.hour in _EVENING
        given.append(Energy(dice.between(*_POWER) * QUARTER // _HOUR) if works else ZERO_ENERGY)
    return given
