"""Many things for sale around many towns, and what buyers look for among them, all from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from bpp.catalog_file.reader import read_catalogue
from kernel.energy import Energy
from kernel.interval import Interval
from trading.charging.connector import Connector, ConnectorType
from trading.geometry import point_at
from trading.offer import Catalogue, Offer, Provider, Resource, SourceType
from trading.place import Place
from trading.request import Criteria
from trading.spatial import SpatialFilter, SpatialOperator

START: Final = datetime(2026, 4, 1, tzinfo=UTC)

_TOWNS: Final = 60
_PROVIDERS: Final = 500
_SPREAD: Final = 0.15  # degrees from the middle of a town, one standard deviation
_SOURCES: Final = (*SourceType,)
_POWERS: Final = {
    ConnectorType.TYPE2: (Decimal("7.4"), Decimal(22)),
    ConnectorType.CCS2: (Decimal(30), Decimal(60), Decimal(120)),
    ConnectorType.CHADEMO: (Decimal(50),),
}
_BAG: Final = "@['beckn:itemAttributes']"
_PLACE: Final = "$['beckn:availableAt'][*]['geo']"
_PATTERN: Final = """
id: marketplace
name: Marketplace
providers: [{id: seller, name: Seller}]
resources:
  - {id: roof, provider: seller, name: Roof, source_type: SOLAR, delivery_mode: GRID_INJECTION, meter: "1002",
     available_kwh: 10, production: {start: 2026-04-01T00:00:00Z, end: 2026-04-02T00:00:00Z}}
  - {id: plug, provider: seller, name: Plug, source_type: GRID, delivery_mode: EV_CHARGING, meter: "1004",
     available_kwh: 10, production: {start: 2026-04-01T00:00:00Z, end: 2026-04-02T00:00:00Z},
     connector: {type: CCS2, max_power_kw: 60, power_type: DC, station: S}}
offers:
  - {id: for-roof, name: Per kWh, resource: roof, price_per_kwh: 6.5, currency: INR, zone: Asia/Kolkata}
  - {id: for-plug, name: Per kWh, resource: plug, price_per_kwh: 18, currency: INR, zone: Asia/Kolkata,
     session: {longest_minutes: 240}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a buyer looks for, in our words and, for the reference, in PostgreSQL's; distances in metres."""

    criteria: Criteria
    jsonpath: str
    longitude: float
    latitude: float
    metres: int
    window: Interval


def make_marketplace(items: int, *, seed: int) -> Catalogue:
    """Return a catalogue of so many items, half of them roofs and stores, half of them charging points."""
    random = Random(seed)  # noqa: S311  a seed makes the same market again
    pattern = read_catalogue(_PATTERN, name="marketplace")
    towns = _towns(seed)
    resources = tuple(_resource(pattern, number, random, random.choice(towns)) for number in range(items))
    offers = tuple(_offer(pattern, number, resource) for number, resource in enumerate(resources))
    providers = tuple(Provider(id=f"seller-{n}", name=f"Seller {n}") for n in range(_PROVIDERS))
    return replace(pattern, providers=providers, resources=resources, offers=offers)


def make_queries(count: int, *, seed: int) -> Iterator[Query]:
    """Return what so many buyers look for: energy of a kind, or a plug, near a place, at a time."""
    random, towns = Random(seed + 1), _towns(seed)  # noqa: S311
    for number in range(count):
        longitude, latitude = _near(random, random.choice(towns))
        metres = random.choice((2_000, 5_000, 10_000, 20_000))
        start = START + timedelta(hours=random.randrange(6, 18))
        window = Interval(start, start + timedelta(hours=random.choice((1, 2))))
        expression, jsonpath = _filter(random, number)
        place = SpatialFilter(
            operator=SpatialOperator.DWITHIN,
            geometry=point_at(longitude=Decimal(str(longitude)), latitude=Decimal(str(latitude))),
            targets=(_PLACE,),
            distance=Decimal(metres),
        )
        yield Query(
            criteria=Criteria(expression=expression, places=(place,), window=window),
            jsonpath=jsonpath,
            longitude=longitude,
            latitude=latitude,
            metres=metres,
            window=window,
        )


def _towns(seed: int) -> list[tuple[float, float]]:
    random = Random(seed)  # noqa: S311
    return [(random.uniform(70, 88), random.uniform(9, 30)) for _ in range(_TOWNS)]


def _near(random: Random, town: tuple[float, float]) -> tuple[float, float]:
    return round(random.gauss(town[0], _SPREAD), 5), round(random.gauss(town[1], _SPREAD), 5)


def _resource(pattern: Catalogue, number: int, random: Random, town: tuple[float, float]) -> Resource:
    is_plug = number % 2 == 1
    made = pattern.resources[is_plug]
    longitude, latitude = _near(random, town)
    start = START + timedelta(hours=random.randrange(0, 12))
    source = replace(made.source, source_type=random.choice(_SOURCES), meter_id=str(10**9 + 2 * number))
    return replace(
        made,
        id=f"item-{number:06}",
        provider_id=f"seller-{random.randrange(_PROVIDERS)}",
        name=f"{'Charging point' if is_plug else source.source_type.value.title()} {number}",
        source=source,
        available=Energy(100 * random.randrange(10, 2_000)),
        production=Interval(start, start + timedelta(hours=random.randrange(4, 12))),
        place=Place(geometry=point_at(longitude=Decimal(str(longitude)), latitude=Decimal(str(latitude)))),
        connector=_connector(made, number, random),
    )


def _connector(made: Resource, number: int, random: Random) -> Connector | None:
    if made.connector is None:
        return None
    kind = random.choice(tuple(_POWERS))
    power = random.choice(_POWERS[kind])
    return replace(made.connector, type=kind, max_power=power, station_id=f"station-{number // 8}")


def _offer(pattern: Catalogue, number: int, resource: Resource) -> Offer:
    made = pattern.offers[resource.connector is not None]
    return replace(made, id=f"offer-{number:06}", provider_id=resource.provider_id, resource_id=resource.id)


def _filter(random: Random, number: int) -> tuple[str, str]:
    """Return a filter as 2.0 RC writes it, and the same for an item as PostgreSQL has it."""
    if number % 2:
        kind, power = random.choice(tuple(_POWERS)).value, random.choice((7, 22, 50, 60))
        return (
            f"$[?{_BAG}.connectorType == '{kind}' && {_BAG}.maxPowerKW >= {power}]",
            f'$."beckn:itemAttributes" ? (@.connectorType == "{kind}" && @.maxPowerKW >= {power})',
        )
    kind, least = random.choice(_SOURCES).value, random.choice((5, 20, 100))
    return (
        f"$[?{_BAG}.sourceType == '{kind}' && {_BAG}.availableQuantity >= {least}]",
        f'$."beckn:itemAttributes" ? (@.sourceType == "{kind}" && @.availableQuantity >= {least})',
    )
