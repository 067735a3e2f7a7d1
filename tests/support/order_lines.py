"""Orders of several lines for tests: a morning and an afternoon of one roof, and a seller that has both."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from protocol.profile import Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import ITEM, OFFER, TARGET_METER, WANTED, SellerWorld, catalogue
from trading.mapping import wire_of
from trading.mapping.lines import read_contracts, write_lines
from trading.offer import Catalogue
from trading.rates import Price
from trading.report import ContractReport
from trading.request import OrderRequest

Json = dict[str, Any]

ROOF: Final = "rooftop-solar-08"
ROOF_METER: Final = "100200400"
AFTERNOON: Final = "rooftop-solar-07-afternoon"
ROOF_OFFER: Final = "rooftop-solar-08-daytime"
MORNING_HOURS: Final = Interval(datetime(2026, 1, 9, 10, tzinfo=UTC), datetime(2026, 1, 9, 14, tzinfo=UTC))
AFTERNOON_HOURS: Final = Interval(datetime(2026, 1, 9, 14, tzinfo=UTC), datetime(2026, 1, 9, 18, tzinfo=UTC))


def two_offers() -> Catalogue:
    """Return the catalogue with a dearer offer of the same roof, and another roof with one of its own."""
    before = catalogue()
    [resource], [offer] = before.resources, before.offers
    usd = offer.terms.currency
    afternoon = replace(
        offer,
        id=AFTERNOON,
        name="Afternoon solar at 0.18 USD",
        terms=replace(offer.terms, price=Price(per_kwh=Decimal("0.18"), currency=usd), wheeling=None),
    )
    roof = replace(resource, id=ROOF, source=replace(resource.source, meter_id=ROOF_METER))
    other = replace(offer, id=ROOF_OFFER, resource_id=ROOF)
    return replace(before, resources=(resource, roof), offers=(offer, afternoon, other))


def line_of(offer: str, kilowatt_hours: int, window: Interval, *, item: str = ITEM) -> OrderRequest:
    """Return one line as a buyer asks for it."""
    return replace(
        WANTED,
        resource_id=item,
        offer_id=offer,
        quantity=Energy(kilowatt_hours * 1_000),
        target_meter=TARGET_METER,
        trade_start=window.start,
        trade_end=window.end,
    )


MORNING_LINE: Final = line_of(OFFER, 15, MORNING_HOURS)
AFTERNOON_LINE: Final = line_of(AFTERNOON, 10, AFTERNOON_HOURS)
ROOF_LINE: Final = line_of(ROOF_OFFER, 10, MORNING_HOURS, item=ROOF)
LINES: Final = (MORNING_LINE, AFTERNOON_LINE)
"""15 kWh in the morning at 0.15 with wheeling of 2.50, 10 kWh in the afternoon at 0.18: 4.75 and 1.80 USD."""


async def open_world(uow_factory: UnitOfWorkFactory, profile: Profile) -> SellerWorld:
    """Return a seller of all that, with a buyer who speaks `profile`."""
    world = SellerWorld(uow_factory=uow_factory, profile=profile)
    return await world.selling(catalogue=two_offers()).open()


def written(world: SellerWorld, *lines: OrderRequest) -> Json:
    """Return the message of a select or init of these lines."""
    return write_lines(wire_of(world.profile.name), lines, sent={})


async def buy_lines(world: SellerWorld, *lines: OrderRequest) -> list[ContractReport]:
    """Return what the buyer is told of each line that confirms exactly what init answered."""
    held = await world.send(Action.INIT, written(world, *(lines or LINES)))
    return told(world, await world.send(Action.CONFIRM, held))


def told(world: SellerWorld, message: Json) -> list[ContractReport]:
    """Return what a message says of each line of its order."""
    wire = wire_of(world.profile.name)
    return read_contracts(wire, message[wire.ORDER_KEY])
