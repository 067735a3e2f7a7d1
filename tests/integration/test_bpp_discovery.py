"""discover and search by place and time, through the real seller, in each generation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import simplejson

from bpp.handlers.discover import Searching
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from search.facts import Fact, Facts
from search.finding import Index, find
from search.items import Items
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_message_errors
from tests.support.official_cases import real_messages
from tests.support.seller_world import SellerWorld, catalogue
from trading.excerpt import Excerpt
from trading.geometry import Geometry, point_at
from trading.listing import Listing
from trading.mapping import wire_of
from trading.mapping.geojson import read_geometry
from trading.mapping.wire import Wire
from trading.offer import DeliveryMode, Resource
from trading.place import Address, Place
from trading.refusals import FilterUnreadable
from trading.request import Criteria
from trading.spatial import Quantifier, SpatialFilter, SpatialOperator

Json = dict[str, Any]

CENTRE = point_at(longitude=Decimal("77.5946"), latitude=Decimal("12.9716"))
TEN = datetime(2026, 1, 9, 10, tzinfo=UTC)
TARGETS = {"v2_rc": "$['beckn:availableAt'][*]['geo']", "v2_lts": "$['availableAt'][*]['geo']"}


def area(west: str, south: str, side: str) -> Geometry:
    x, y, more = Decimal(west), Decimal(south), Decimal(side)
    ring = [[x, y], [x + more, y], [x + more, y + more], [x, y + more], [x, y]]
    return read_geometry({"type": "Polygon", "coordinates": [ring]}, path="")


STATION = Place(
    geometry=CENTRE,
    address=Address(street="Mill Lane 1", locality="Valley", postal_code="560001", country="IN"),
)
WHERE = {
    "station": STATION,
    "five-km-north": Place(geometry=point_at(longitude=Decimal("77.5946"), latitude=Decimal("13.0168"))),
    "service-area": Place(geometry=area("77.9", "12.9", "0.2")),
    "feeder": Place(
        geometry=read_geometry(
            {"type": "LineString", "coordinates": [[Decimal("78.5"), 12], [Decimal("79.5"), 12]]}, path=""
        )
    ),
    "nowhere": None,
}
"""The resources of the tests by their ids, and where each is."""


async def shop(uow_factory: UnitOfWorkFactory, profile: Profile) -> SellerWorld:
    """Return a seller with a resource at each of the places."""
    plain = catalogue()
    [resource], [offer] = plain.resources, plain.offers
    many = replace(
        plain,
        resources=tuple(replace(resource, id=key, place=place) for key, place in WHERE.items()),
        offers=tuple(replace(offer, id=f"for-{key}", resource_id=key) for key in WHERE),
    )
    world = SellerWorld(uow_factory=uow_factory, profile=profile).selling(catalogue=many)
    return await world.open()


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, profile: Profile) -> SellerWorld:
    return await shop(uow_factory, profile)


async def found(world: SellerWorld, message: Json) -> set[str]:
    """Return the ids of what the seller answers with."""
    return {resource.id for resource in await listed(world, message)}


async def listed(world: SellerWorld, message: Json) -> tuple[Resource, ...]:
    answer = await world.send(Action.DISCOVER, message)
    listings: list[Listing] = wire_of(world.profile.name).read_catalog(answer)
    return listings[0].resources if listings else ()


def within_reach(world: SellerWorld, metres: int) -> Json:
    """Return what a buyer of the generation writes who looks around the centre."""
    wire: Wire = wire_of(world.profile.name)
    target = TARGETS.get(world.profile.name)
    condition = SpatialFilter(
        operator=SpatialOperator.DWITHIN,
        geometry=CENTRE,
        targets=(target,) if target else (),
        distance=Decimal(metres),
    )
    return wire.write_criteria(Criteria(places=(condition,)))


async def test_places_are_told_and_read_back(world: SellerWorld) -> None:
    everything = wire_of(world.profile.name).write_criteria(Criteria(words=("solar",)))
    assert {entry.id: entry.place for entry in await listed(world, everything)} == WHERE
    sent = world.inbound(Action.DISCOVER, everything)
    answer = await world.send(Action.DISCOVER, everything)
    sealed = world.bpp.correspondent.answer(sent, answer, now=world.clock.now())
    name = world.profile.wire_names[Action.ON_DISCOVER]
    assert official_message_errors(name, orjson.loads(sealed.body), profile=world.profile.name) == []


def remarks(message: Json) -> list[str | None]:
    """Return the short description of each catalogue in an answer."""
    catalogs = message["catalogs"] if "catalogs" in message else [message["catalog"]]
    told = [catalog.get("descriptor") or catalog["beckn:descriptor"] for catalog in catalogs]
    keys = ("short_desc", "shortDesc", "beckn:shortDesc")
    return [next((each[key] for key in keys if key in each), None) for each in told]


async def test_what_is_searched_before_the_transaction_is_told_as_within(world: SellerWorld) -> None:
    searching = Searching(bpp=world.bpp, uow_factory=world.uow_factory, clock=world.clock)
    prepare = searching.preparations()[Action.DISCOVER]
    message = wire_of(world.profile.name).write_criteria(Criteria(words=("rooftop",)))
    inbound = world.inbound(Action.DISCOVER, message)
    handler = await prepare(inbound)
    async with world.uow_factory() as uow:
        assert await handler(inbound, uow, world.clock.now()) == await world.send(Action.DISCOVER, message)
    unreadable = wire_of(world.profile.name).write_criteria(Criteria(expression="$[?"))
    with pytest.raises(FilterUnreadable) as refused:
        await prepare(world.inbound(Action.DISCOVER, unreadable))
    assert str(refused.value.path).startswith("$.message")


async def test_an_answer_that_tells_not_all_of_what_fits_says_so(world: SellerWorld) -> None:
    everything = wire_of(world.profile.name).write_criteria(Criteria(words=("solar",)))
    assert remarks(await world.send(Action.DISCOVER, everything)) == [None]
    few = replace(world, bpp=replace(world.bpp, most_found=2))
    answer = await few.send(Action.DISCOVER, everything)
    assert remarks(answer) == [Excerpt(told=2, total=5).words]
    sealed = world.bpp.correspondent.answer(
        world.inbound(Action.DISCOVER, everything), answer, now=world.clock.now()
    )
    name = world.profile.wire_names[Action.ON_DISCOVER]
    assert official_message_errors(name, orjson.loads(sealed.body), profile=world.profile.name) == []
    assert len(await listed(few, everything)) == 2


async def test_what_lies_within_reach_is_found_with_its_offers_alone(world: SellerWorld) -> None:
    assert await found(world, within_reach(world, 4_900)) == {"station"}
    assert await found(world, within_reach(world, 5_100)) == {"station", "five-km-north"}
    assert await found(world, within_reach(world, 60_000)) == {"station", "five-km-north", "service-area"}
    assert await found(world, within_reach(world, 300_000)) == set(WHERE) - {"nowhere"}
    answer = await world.send(Action.DISCOVER, within_reach(world, 4_900))
    [listing] = wire_of(world.profile.name).read_catalog(answer)
    assert [offer.id for offer in listing.offers] == ["for-station"]


@pytest.mark.parametrize("profile", [V2_RC, V2_LTS], ids=lambda profile: profile.name, indirect=False)
@pytest.mark.parametrize(
    ("operator", "asked", "ids"),
    [
        ("within", area("77", "12.5", "1"), {"station", "five-km-north"}),
        ("contains", point_at(longitude=Decimal(78), latitude=Decimal(13)), {"service-area"}),
        ("intersects", area("77.95", "12.95", "0.01"), {"service-area"}),
        ("disjoint", area("77", "12.5", "1"), {"feeder"}),
        ("overlaps", area("77", "12.5", "1"), {"service-area"}),
        ("crosses", area("78", "11.5", "1"), {"feeder"}),
        ("touches", area("78.1", "12.9", "0.2"), {"service-area"}),
        ("equals", CENTRE, {"station"}),
        ("dwithin", area("77.5", "12.9", "0.1"), {"station", "five-km-north"}),
    ],
)
async def test_all_nine_operators_find_what_lies_so(
    uow_factory: UnitOfWorkFactory, profile: Profile, operator: str, asked: Geometry, ids: set[str]
) -> None:
    world = await shop(uow_factory, profile)
    condition = SpatialFilter(
        operator=SpatialOperator(operator.upper()),
        geometry=asked,
        targets=(TARGETS[profile.name],),
        distance=Decimal(3_000) if operator == "dwithin" else None,
    )
    message = wire_of(profile.name).write_criteria(Criteria(places=(condition,)))
    assert await found(world, message) == ids
    none = replace(condition, quantifier=Quantifier.NONE)
    message = wire_of(profile.name).write_criteria(Criteria(places=(none,)))
    assert await found(world, message) == set(WHERE) - ids


@pytest.mark.parametrize("profile", [V2_RC, V2_LTS], ids=lambda profile: profile.name)
async def test_conditions_and_a_filter_all_have_to_hold(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world, wire = await shop(uow_factory, profile), wire_of(profile.name)
    far = SpatialFilter(
        operator=SpatialOperator.DWITHIN,
        geometry=CENTRE,
        targets=("$.nothing", TARGETS[profile.name]),
        distance=Decimal(6_000),
    )
    exactly = replace(far, operator=SpatialOperator.EQUALS, quantifier=Quantifier.NONE, distance=None)
    both = wire.write_criteria(Criteria(places=(far, exactly), expression=wire.FILTER_EXAMPLE))
    assert await found(world, both) == {"five-km-north"}
    nothing = Criteria(places=(replace(far, targets=("$.nothing",)),))
    assert await found(world, wire.write_criteria(nothing)) == set()
    every = Criteria(places=(replace(far, quantifier=Quantifier.ALL),))
    assert await found(world, wire.write_criteria(every)) == {"station", "five-km-north"}


async def test_a_shape_that_crosses_itself_is_refused_where_it_stands(world: SellerWorld) -> None:
    if world.profile is V1_1:
        message: Json = {
            "intent": {"fulfillment": {"stops": [{"location": {"polygon": "0,0 1,1 1,0 0,1 0,0"}}]}}
        }
        error = await world.refusal(Action.DISCOVER, message)
        assert (error.code, error.path) == (
            "NET_NOT_IMPLEMENTED",
            "$.message.intent.fulfillment.stops[0].location",
        )
        return
    crossed = read_geometry(
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}, path=""
    )
    condition = SpatialFilter(
        operator=SpatialOperator.WITHIN, geometry=crossed, targets=(TARGETS[world.profile.name],)
    )
    message = wire_of(world.profile.name).write_criteria(Criteria(places=(condition,)))
    error = await world.refusal(Action.DISCOVER, message)
    path = {"v2_rc": "$.message", "v2_lts": "$.message.intent"}[world.profile.name]
    assert (error.code, error.path) == ("SCH_INVALID_FORMAT", f"{path}.spatial[0].geometry")
    bad = replace(condition, geometry=CENTRE, targets=("$[?",))
    message = wire_of(world.profile.name).write_criteria(Criteria(places=(bad,)))
    error = await world.refusal(Action.DISCOVER, message)
    assert (error.code, error.path) == ("SCH_INVALID_JSONPATH", f"{path}.spatial[0].targets")


# v1.1: circles, positions and times of stops


@pytest.fixture
async def first(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await shop(uow_factory, V1_1)


def stops(*entries: Json) -> Json:
    return {"intent": {"fulfillment": {"stops": list(entries)}}}


async def test_a_circle_and_a_position_find_what_is_near(first: SellerWorld) -> None:
    radius = {"type": "CONSTANT", "value": "4.9", "unit": "km"}
    in_circle = {"location": {"circle": {"gps": "12.9716, 77.5946", "radius": radius}}}
    assert await found(first, stops(in_circle)) == {"station"}
    assert await found(first, stops({"location": {"gps": "12.9716,77.5946"}})) == {"station", "five-km-north"}
    at_the_provider = {"intent": {"provider": {"locations": [in_circle["location"]]}}}
    assert await found(first, at_the_provider) == {"station"}


async def test_a_time_finds_what_is_produced_in_all_of_it(uow_factory: UnitOfWorkFactory) -> None:
    plain = catalogue()
    [resource], [offer] = plain.resources, plain.offers
    morning = replace(resource, id="morning", production=Interval(TEN, TEN + timedelta(hours=4)))
    all_day = replace(resource, id="all-day", production=Interval(TEN, TEN + timedelta(hours=8)))
    many = replace(
        plain,
        resources=(morning, all_day),
        offers=tuple(replace(offer, id=f"for-{key}", resource_id=key) for key in ("morning", "all-day")),
    )
    selling = SellerWorld(uow_factory=uow_factory, profile=V1_1).selling(catalogue=many)
    world = await selling.open()

    async def wanted(start: str, end: str) -> set[str]:
        span = {"start": f"2026-01-09T{start}Z", "end": f"2026-01-09T{end}Z"}
        return await found(world, stops({"time": {"range": span}}))

    assert await wanted("10:00:00", "14:00:00") == {"morning", "all-day"}
    assert await wanted("13:00:00", "15:00:00") == {"all-day"}
    assert await wanted("09:00:00", "11:00:00") == set()
    [start, end] = (
        {"type": kind, "time": {"timestamp": f"2026-01-09T{at}Z"}}
        for kind, at in (("start", "15:00:00"), ("end", "16:00:00"))
    )
    assert await found(world, stops(start, end)) == {"all-day"}
    assert await found(world, stops(start | {"time": {"timestamp": "2026-01-09T11:00:00Z"}})) == {
        "morning",
        "all-day",
    }


# messages of others


def as_received(message: Json) -> Json:
    """Return a message with its numbers as a node has them."""
    exact: Json = simplejson.loads(simplejson.dumps(message), use_decimal=True)
    return exact


async def test_discovers_of_the_corpus_are_answered(uow_factory: UnitOfWorkFactory, shared: Path) -> None:
    world = await published_shop(uow_factory)
    answered: dict[str, set[str]] = {}
    for message in real_messages(shared, "v2_rc"):
        if message.action == "discover" and message.accepted:
            answered["/".join(Path(message.file).parts[-2:])] = await found(
                world, message.document["message"]
            )
    assert answered == {
        "01_discover/discovery-by-EVSE.json": {"IND*CPO1*cs-01*evse-01*connectorid-01"},
        "01_discover/discovery-services-by-a-cpo.json": {"IND*CPO1*cs-01*evse-01*connectorid-01"},
        "01_discover/discovery-services-by-a-station.json": {"ev-charger-ccs2-001"},
        # An EnergyResource tells no connector, and no hours of the day.
        "01_discover/discovery-within-a-timerange.json": set(),
        "01_discover/discovery-within-boundary-with-connection-spec.json": set(),
        "p2p-trading/discover-request.json": {"energy-resource-solar-001"},
        "p2p-energy-trade-contract/discover-request.json": {"energy-resource-solar-001"},
    }


async def published_shop(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a seller of what the published messages look for."""
    plain = catalogue()
    [resource], [offer], [provider] = plain.resources, plain.offers, plain.providers
    solar = replace(
        resource,
        id="energy-resource-solar-001",
        name="Solar energy",
        production=Interval(datetime(2024, 10, 4, 10, tzinfo=UTC), datetime(2024, 10, 4, 18, tzinfo=UTC)),
        available=Energy(30_500),
    )
    charging = replace(resource.source, delivery_mode=DeliveryMode.EV_CHARGING)
    stations = [
        replace(solar, id=key, provider_id=seller, source=charging, place=STATION)
        for key, seller in (
            ("IND*CPO1*cs-01*evse-01*connectorid-01", "ecopower-charging"),
            ("ev-charger-ccs2-001", provider.id),
        )
    ]
    resources = (solar, *stations)
    world = SellerWorld(uow_factory=uow_factory).selling(
        catalogue=replace(
            plain,
            networks=("p2p-trading-pilot-network",),
            providers=(provider, replace(provider, id="ecopower-charging")),
            resources=resources,
            offers=tuple(
                replace(offer, id=f"for-{entry.id}", provider_id=entry.provider_id, resource_id=entry.id)
                for entry in resources
            ),
        )
    )
    world.clock.set(datetime(2024, 10, 4, 10, tzinfo=UTC))
    return await world.open()


def test_the_reach_of_the_corpus_finds_stations_of_the_corpus(shared: Path) -> None:
    messages = {Path(m.file).name: m.document["message"] for m in real_messages(shared, "v2_rc")}
    asked = as_received(messages["discovery-within-boundary-with-connection-spec.json"])
    [condition] = wire_of("v2_rc").read_criteria(asked).places
    items = messages["ev-charging-discovery-catalog.json"]["catalogs"][0]["beckn:items"]
    index = Index(
        facts=Facts([Fact(text="")] * len(items)),
        items=lambda: Items(simplejson.dumps(item, use_decimal=True).encode() for item in items),
    )

    def near(metres: int) -> set[int]:
        reach = replace(condition, distance=Decimal(metres))
        everything = np.ones(len(items), dtype=np.bool_)
        return set(find(index, Criteria(places=(reach,)), among=everything).tolist())

    assert condition.distance == 10_000
    assert near(10_000) == {0, 1, 2}
    assert near(5_150) == {0, 1}  # the third is 5,194 m away by Vincenty, the others 3,531 and 3,517
    assert near(3_525) == {1}
