"""A rooftop that is offered hour by hour, for tests of what is left in a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from kernel.energy import Energy
from kernel.interval import Interval
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import ITEM, WINDOW, SellerWorld, catalogue
from trading.availability.buckets import Bucket
from trading.offer import Catalogue
from trading.stock import Stock

HOUR = timedelta(hours=1)


def span(start: float, end: float) -> Interval:
    """Return the interval between two hours of 9 January 2026, UTC."""
    return Interval(WINDOW.start + (start - 10) * HOUR, WINDOW.start + (end - 10) * HOUR)


def hourly(*watt_hours: int, start: int = 10) -> tuple[Bucket, ...]:
    """Return a profile of so many Wh in each hour from `start` on."""
    return tuple(
        Bucket(interval=span(start + hour, start + hour + 1), available=Energy(amount))
        for hour, amount in enumerate(watt_hours)
    )


def offering(profile: Sequence[Bucket]) -> Catalogue:
    """Return the catalogue with that profile of the rooftop; with none the rooftop offers 30.5 kWh in all."""
    shop = catalogue()
    (roof,) = shop.resources
    total = Energy(sum(bucket.available.watt_hours for bucket in profile)) if profile else roof.available
    return replace(shop, resources=(replace(roof, available=total, profile=tuple(profile)),))


async def open_hourly(uow_factory: UnitOfWorkFactory, *watt_hours: int) -> SellerWorld:
    """Return a seller whose rooftop has so many Wh in each hour from ten o'clock on."""
    world = SellerWorld(uow_factory=uow_factory)
    return await world.selling(catalogue=offering(hourly(*watt_hours))).open()


async def left_in(world: SellerWorld, start: float, end: float) -> int:
    """Return how many Wh can be had between two hours."""
    async with world.uow_factory() as uow:
        left = await Stock(uow.connection).left(ITEM, now=world.clock.now(), window=span(start, end))
        return left.watt_hours


def window(start: float, end: float) -> dict[str, str]:
    """Return a window as the attributes of an order say it (2.0 RC)."""
    wanted = span(start, end)
    return {"tradeStartTime": f"{wanted.start:%FT%TZ}", "tradeEndTime": f"{wanted.end:%FT%TZ}"}
