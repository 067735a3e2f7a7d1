"""A charging station for tests: the example catalogue, and a driver's platform on any wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bpp.catalog import load_catalogue
from bpp.platform import Bpp
from kernel.clock import ManualClock
from kernel.energy import Energy
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import SellerWorld, correspondent
from trading.offer import Catalogue
from trading.request import OrderRequest
from trading.terms import PaymentTiming, Terms

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "catalog" / "charging-station.yaml"
PLUG: Final = "IND*ecopower-charging*cs-01*IN*ECO*BTM*01*CCS2*A*CCS2-A"
TARIFF: Final = "offer-ccs2-60kw-kwh"
OPERATOR: Final = "ecopower-charging"
PLUG_METER: Final = "500600700"
NOON: Final = datetime(2026, 1, 9, 12, tzinfo=UTC)

CHARGE: Final = OrderRequest(
    seller=OPERATOR, buyer_id="driver-1", resource_id=PLUG, offer_id=TARIFF, quantity=Energy(2_500)
)
"""What a driver at the plug asks for, in words of no generation."""


def station_catalogue() -> Catalogue:
    return load_catalogue(EXAMPLE)


def station(uow_factory: UnitOfWorkFactory, *, prepaid: bool = False) -> SellerWorld:
    """Return the platform of the station at noon; what is ahead of delivery is paid only if `prepaid`."""
    sold = station_catalogue()
    if not prepaid:
        offers = tuple(replace(each, terms=_postpaid(each.terms)) for each in sold.offers)
        sold = replace(sold, offers=offers)
    bpp = Bpp(catalogue=sold, correspondent=correspondent())
    return SellerWorld(uow_factory=uow_factory, bpp=bpp, clock=ManualClock(NOON))


def _postpaid(terms: Terms) -> Terms:
    return replace(terms, payment=PaymentTiming.POSTPAID)
