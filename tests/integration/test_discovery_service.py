"""A discovery service keeps what many sellers publish, and tells it in every generation."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import chain
from threading import Event
from typing import Any

import pytest
from sqlalchemy.pool import QueuePool

from discovery.catalogues import PublishedCatalogues
from discovery.market import Found
from discovery.service import DiscoveryService
from discovery.shelf import Published
from kernel.clock import ManualClock
from kernel.interval import Interval
from protocol.profile import PROFILES, V1_1, V2_LTS, V2_RC, Profile
from search.own_thread import MOST_WAITING, SearchesCrowded
from search.paging import Page
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.discovery_world import OTHER_BPP, DiscoveryWorld, shop
from tests.support.seller_world import BPP_ID, NOW, WINDOW
from tests.support.waiting import eventually
from trading.excerpt import Excerpt
from trading.geometry import point_at
from trading.listing import list_catalogue
from trading.mapping import publication_wire_of
from trading.offer import Provider
from trading.place import Place
from trading.publication import Publication, ResultStatus
from trading.refusals import FilterUnreadable
from trading.request import Criteria
from trading.spatial import SpatialFilter, SpatialOperator

HERE = point_at(longitude=Decimal("77.6"), latitude=Decimal("12.9"))
THERE = point_at(longitude=Decimal("78.6"), latitude=Decimal("12.9"))
DESCRIBED = {
    "@type": "beckn:Descriptor",
    "schema:name": "Valley",
    "beckn:shortDesc": "Of the valley.",
}
NEAR = {
    "v1_1": Criteria(
        places=(SpatialFilter(operator=SpatialOperator.DWITHIN, geometry=HERE, distance=Decimal(5_000)),)
    ),
    "v2_rc": Criteria(
        places=(
            SpatialFilter(
                operator=SpatialOperator.DWITHIN,
                geometry=HERE,
                targets=("$['beckn:availableAt'][*]['geo']",),
                distance=Decimal(5_000),
            ),
        )
    ),
    "v2_lts": Criteria(
        places=(
            SpatialFilter(
                operator=SpatialOperator.DWITHIN,
                geometry=HERE,
                targets=("$.availableAt[*].geo",),
                distance=Decimal(5_000),
            ),
        )
    ),
}


@pytest.fixture
def world(uow_factory: UnitOfWorkFactory) -> DiscoveryWorld:
    return DiscoveryWorld(uow_factory=uow_factory)


@pytest.mark.parametrize("published", [V2_RC, V2_LTS], ids=["from_rc", "from_lts"])
@pytest.mark.parametrize("asked", PROFILES.values(), ids=list(PROFILES))
async def test_what_many_publish_is_told_in_every_generation(
    world: DiscoveryWorld, published: Profile, asked: Profile
) -> None:
    place = Place(geometry=HERE)
    [mine] = await world.publish(shop("roof", "barn", place=place), profile=published)
    await world.publish(
        replace(shop("mill", name="Wind", place=Place(geometry=THERE)), id="hill"),
        by=OTHER_BPP,
        profile=published,
    )
    assert mine.status is ResultStatus.ACCEPTED
    assert mine.items == 2
    assert sorted(await world.found(profile=asked)) == ["barn", "mill", "roof"]
    assert await world.found(Criteria(words=("wind",)), profile=asked) == ["mill"]
    assert sorted(await world.found(NEAR[asked.name], profile=asked)) == ["barn", "roof"]
    [listing] = await world.listings(Criteria(words=("barn",)), profile=asked)
    assert [offer.resource_id for offer in listing.offers] == ["barn"]
    assert await world.found(Criteria(words=("nothing",)), profile=asked) == []


async def test_each_catalogue_says_who_sells(world: DiscoveryWorld) -> None:
    await world.publish(shop("roof"))
    await world.publish(shop("mill"), by=OTHER_BPP)
    catalogs = (await world.search())["catalogs"]
    assert {(c["beckn:bppId"], c["beckn:bppUri"]) for c in catalogs} == {
        (name, f"https://{name}") for name in (BPP_ID, OTHER_BPP)
    }
    lts = (await world.search(profile=V2_LTS))["catalogs"]
    assert {c["bppId"] for c in lts} == {BPP_ID, OTHER_BPP}
    old = (await world.search(profile=V1_1))["catalog"]["providers"]
    tags = [tag for provider in old for tag in provider["tags"] if tag["descriptor"]["code"] == "seller"]
    assert {tag["list"][0]["value"] for tag in tags} == {BPP_ID, OTHER_BPP}


async def test_nobody_publishes_for_another(world: DiscoveryWorld) -> None:
    [result] = await world.publish(shop("roof"), by=OTHER_BPP, named=BPP_ID)
    assert result.status is ResultStatus.REJECTED
    assert "cannot publish for" in result.errors[0].message
    assert await world.found() == []


async def test_what_is_published_again_stands_instead_of_what_was(world: DiscoveryWorld) -> None:
    await world.publish(shop("roof", "barn"))
    assert sorted(await world.found()) == ["barn", "roof"]
    assert await world.found(profile=V1_1) == ["roof", "barn"]
    await world.publish(shop("shed"))
    assert await world.found() == ["shed"]
    assert await world.found(profile=V1_1) == ["shed"]
    await world.publish(replace(shop(), providers=()))  # nothing is sold any more
    assert await world.found() == []
    assert await world.found(profile=V1_1) == []
    await world.publish(shop("roof"))
    assert await world.found() == ["roof"]


async def test_a_catalogue_is_told_while_it_is_good_and_items_until_they_are_over(
    world: DiscoveryWorld,
) -> None:
    until = NOW + timedelta(hours=1)
    await world.publish(
        shop("roof"), beckn__validity={"@type": "beckn:TimePeriod", "schema:endDate": until.isoformat()}
    )
    await world.publish(shop("mill"), by=OTHER_BPP)
    assert sorted(await world.found()) == ["mill", "roof"]
    world.clock.set(until)
    assert await world.found() == ["mill"]
    world.clock.set(WINDOW.end)
    assert await world.found() == []


async def test_times_and_filters_are_looked_for(world: DiscoveryWorld) -> None:
    late = Interval(WINDOW.start + timedelta(hours=4), WINDOW.end)
    await world.publish(shop("roof"))
    await world.publish(shop("mill", production=late), by=OTHER_BPP)
    whole = Criteria(window=WINDOW)
    assert await world.found(whole, profile=V1_1) == ["roof"]
    by_id = Criteria(expression="$[?@['beckn:id'] == 'mill']")
    assert await world.found(by_id) == ["mill"]
    with pytest.raises(FilterUnreadable) as refused:
        await world.search(Criteria(expression="$[?"))
    assert refused.value.path == "$.message.filters.expression"


@pytest.mark.parametrize("published", [V2_RC, V2_LTS], ids=["from_rc", "from_lts"])
async def test_who_names_a_time_is_told_the_offers_for_it_alone(
    world: DiscoveryWorld, published: Profile
) -> None:
    noon = WINDOW.start + WINDOW.duration / 2
    halves = {"early": Interval(WINDOW.start, noon), "late": Interval(noon, WINDOW.end)}
    sold = shop("roof")
    offers = [replace(sold.offers[0], id=name, delivery=each) for name, each in halves.items()]
    await world.publish(replace(sold, offers=tuple(offers)), profile=published)
    await world.publish(shop("mill"), by=OTHER_BPP, profile=published)

    async def told(within: Interval | None) -> set[str]:
        listings = await world.listings(Criteria(window=within), profile=V1_1)
        return {offer.id for listing in listings for offer in listing.offers}

    assert await told(halves["late"]) == {"late", "for-mill"}
    assert await told(WINDOW) == {"for-mill"}
    assert await world.found(Criteria(window=WINDOW), profile=V1_1) == ["mill"]
    assert await told(None) == {"early", "late", "for-mill"}


async def test_a_part_of_a_catalogue_is_changed_by_merging(world: DiscoveryWorld) -> None:
    head: dict[str, Any] = {"publishDirectives": {"catalogType": "regular", "updateMode": "MERGE"}}
    [nothing] = await world.publish(shop("roof"), profile=V2_LTS, **head)
    assert nothing.status is ResultStatus.REJECTED
    await world.publish(shop("roof"), profile=V2_LTS)
    [catalog] = (await world.search(profile=V2_LTS))["catalogs"]
    patch: dict[str, Any] = {"id": catalog["id"], "bppId": BPP_ID, "bppUri": f"https://{BPP_ID}"}
    patch |= {"descriptor": {"name": "Valley, renamed"}, "provider": catalog["provider"], "offers": []} | head
    [result] = await world.publish_message({"catalogs": [patch]}, profile=V2_LTS)
    assert (result.status, result.items) == (ResultStatus.ACCEPTED, 1)
    [changed] = (await world.search(profile=V2_LTS))["catalogs"]
    assert changed["descriptor"]["name"] == "Valley, renamed"
    assert "publishDirectives" not in changed
    assert changed["resources"] == catalog["resources"]
    assert changed["offers"] == []


async def test_a_change_keeps_the_address_and_the_generation_of_what_it_changes(
    world: DiscoveryWorld,
) -> None:
    await world.publish(shop("roof"), profile=V2_LTS, bppUri="https://elsewhere.example")
    [catalog] = (await world.search(profile=V2_LTS))["catalogs"]
    patch = {"id": catalog["id"], "bppId": BPP_ID, "provider": catalog["provider"], "offers": []} | {
        "descriptor": {"name": "Valley, renamed"},
        "publishDirectives": {"catalogType": "regular", "updateMode": "MERGE"},
    }
    await world.publish_message({"catalogs": [patch]}, profile=V2_LTS)
    [changed] = (await world.search(profile=V2_LTS))["catalogs"]
    assert (changed["descriptor"]["name"], changed["bppUri"]) == (
        "Valley, renamed",
        "https://elsewhere.example",
    )
    await world.publish(shop("mill"), by=OTHER_BPP, profile=V2_RC)
    of_other = Criteria(expression="$[?@['beckn:id'] == 'mill']")
    [plain] = (await world.search(of_other))["catalogs"]
    patch |= {"id": plain["beckn:id"], "bppId": OTHER_BPP}
    [result] = await world.publish_message({"catalogs": [patch]}, by=OTHER_BPP, profile=V2_LTS)
    assert result.status is ResultStatus.REJECTED
    assert "published in v2_rc" in result.errors[0].message
    assert (await world.search(of_other))["catalogs"] == [plain]


async def test_master_catalogues_and_what_extends_them_are_not_kept_silently(world: DiscoveryWorld) -> None:
    extends = {"resourceId": "roof", "extends": {"masterResourceId": "any-roof"}}
    directives: dict[str, Any] = {"catalogType": "regular", "resourceDirectives": [extends]}
    [kept] = await world.publish(shop("roof"), profile=V2_LTS, publishDirectives=directives)
    assert "not looked up" in kept.errors[0].message  # where LTS has its warnings
    [refused] = await world.publish(shop("roof"), profile=V2_LTS, publishDirectives={"catalogType": "master"})
    assert refused.status is ResultStatus.REJECTED


async def test_a_seller_whose_places_are_broken_keeps_nobody_from_finding_what_is_near(
    world: DiscoveryWorld,
) -> None:
    await world.publish(shop("roof", place=Place(geometry=HERE)))
    told = Publication(listing=list_catalogue(shop("nowhere", "dot"), left={}))
    message = publication_wire_of("v2_rc").write_publication(told, bpp_id=OTHER_BPP, bpp_url="https://hill")
    lines = [[[], [[0, 0], [1, 1]]], [[[77.6, 12.9]] * 2]]
    for item, line in zip(message["catalogs"][0]["beckn:items"], lines, strict=True):
        item["beckn:availableAt"] = [
            {"@type": "beckn:Location", "geo": {"type": "MultiLineString", "coordinates": line}}
        ]
    await world.publish_message(message, by=OTHER_BPP)
    catalogs = (await world.search(NEAR["v2_rc"]))["catalogs"]
    assert [item["beckn:id"] for each in catalogs for item in each["beckn:items"]] == ["dot", "roof"]


@pytest.mark.parametrize("asked", PROFILES.values(), ids=list(PROFILES))
async def test_words_of_any_alphabet_are_found_however_they_were_typed(
    world: DiscoveryWorld, asked: Profile
) -> None:
    for key, name in {
        "fr": "E\u0301nergie",
        "tr": "İSTANBUL",
        "zh": "屋顶太阳能发电",
        "ko": "태양광",
    }.items():
        await world.publish(shop(key, name=name), by=f"{key}.example")
    for word, key in {"énergie": "fr", "istanbul": "tr", "太阳能": "zh", "태양": "ko"}.items():
        assert await world.found(Criteria(words=(word,)), profile=asked) == [key]


@pytest.mark.parametrize("mode", ["FULL", "MERGE"])
async def test_what_was_sent_before_what_stands_changes_nothing(world: DiscoveryWorld, mode: str) -> None:
    await world.publish(shop("old"), profile=V2_LTS)
    world.clock.advance(timedelta(seconds=10))
    await world.publish(shop("new", "newer"), profile=V2_LTS)
    directives = {"catalogType": "regular", "updateMode": mode}
    late = replace(world, clock=ManualClock(NOW + timedelta(seconds=9)))
    message = publication_wire_of("v2_lts").write_publication(
        Publication(listing=list_catalogue(shop("old"), left={})), bpp_id=BPP_ID, bpp_url=f"https://{BPP_ID}"
    )
    message["catalogs"][0]["publishDirectives"] = directives
    [result] = await late.publish_message(message, profile=V2_LTS)
    assert (result.status, result.items) == (ResultStatus.REJECTED, 0)
    assert [each.code for each in result.errors] == ["NET_CATALOG_STALE"]
    assert await world.found(profile=V2_LTS) == ["new", "newer"]
    [at_once] = await world.publish(shop("newest"), profile=V2_LTS)
    assert at_once.status is ResultStatus.ACCEPTED
    [another] = await late.publish(replace(shop("hill"), id="another"), profile=V2_LTS)
    assert another.status is ResultStatus.ACCEPTED


async def test_what_is_not_traded_here_is_told_in_its_own_generation(world: DiscoveryWorld) -> None:
    await world.publish(shop("roof"))
    [catalog] = (await world.search())["catalogs"]
    item = catalog["beckn:items"][0] | {"beckn:id": "soap"}
    item["beckn:itemAttributes"] = {
        "@context": "https://soap.example/context.jsonld",
        "@type": "Soap",
        "ml": 5,
    }
    [result] = await world.publish_message({"catalogs": [catalog | {"beckn:items": [item]}]})
    assert (result.status, result.items) == (ResultStatus.ACCEPTED, 1)
    assert "in this generation alone" in result.warnings[0].message
    soaps = (await world.search(Criteria(expression="$[?@.itemAttributes.ml == 5]")))["catalogs"]
    assert soaps[0]["beckn:items"][0]["beckn:id"] == "soap"
    assert await world.found(profile=V1_1) == []


async def test_no_more_is_told_than_one_answer_may_hold(world: DiscoveryWorld) -> None:
    few = replace(world, service=DiscoveryService(most_found=3))
    for number in range(5):
        await few.publish(shop(f"a-{number}", f"b-{number}"), by=f"bpp-{number}.example")
    assert len(await few.found()) == 3
    asked = Page(offset=8, limit=5)
    page = await few.service.find("v2_rc", Criteria(), few.uow_factory, now=NOW, page=asked)
    assert page.total == 10
    items = [item["beckn:id"] for catalog in page.message["catalogs"] for item in catalog["beckn:items"]]
    assert items == ["a-4", "b-4"]


@pytest.mark.parametrize("asked", PROFILES.values(), ids=list(PROFILES))
async def test_an_answer_that_tells_not_all_says_where_it_ends_how_much_there_is(
    world: DiscoveryWorld, asked: Profile
) -> None:
    few = replace(world, service=DiscoveryService(most_found=3))
    await few.publish(shop("roof", "barn"), beckn__descriptor=DESCRIBED)
    await few.publish(shop("mill", "dam"), by=OTHER_BPP, beckn__descriptor=DESCRIBED)
    listings = await few.listings(Criteria(), profile=asked)
    assert sum(len(listing.resources) for listing in listings) == 3
    assert [listing.total for listing in listings if listing.total] == [4]
    all_of_it = await few.listings(Criteria(words=("barn",)), profile=asked)
    assert [listing.total for listing in all_of_it] == [None]


async def test_what_a_seller_says_of_its_catalogue_stays_where_an_answer_is_cut(
    world: DiscoveryWorld,
) -> None:
    few = replace(world, service=DiscoveryService(most_found=1))
    await few.publish(shop("roof", "barn"), beckn__descriptor=DESCRIBED)
    [catalog] = (await few.search())["catalogs"]
    said = f"Of the valley. {Excerpt(told=1, total=2).words}"
    assert catalog["beckn:descriptor"] == DESCRIBED | {"beckn:shortDesc": said}


@pytest.mark.parametrize("asked", PROFILES.values(), ids=list(PROFILES))
async def test_parts_of_the_list_can_be_asked_for_one_after_the_other(
    world: DiscoveryWorld, asked: Profile
) -> None:
    few = replace(world, service=DiscoveryService(most_found=3))
    for number in range(4):
        await few.publish(shop(f"roof-{number}", f"barn-{number}"), by=f"bpp-{number}.example")
    parts = [
        await few.found(Criteria(words=("barn",), expression=f"$[{first}:{first + 3}]"), profile=asked)
        for first in range(0, 9, 3)
    ]
    assert sorted(chain.from_iterable(parts)) == [f"barn-{number}" for number in range(4)]
    assert max(map(len, parts)) <= 3


@pytest.mark.parametrize("asked", PROFILES.values(), ids=list(PROFILES))
async def test_parts_of_the_list_are_the_same_in_every_process_whatever_was_published_again(
    world: DiscoveryWorld, asked: Profile
) -> None:
    for number in (2, 0, 1):
        await world.publish(shop(*(f"{name}-{number}" for name in "ab")), by=f"bpp-{number}.example")
    listed = [f"{name}-{number}" for number in range(3) for name in "ab"]
    part = Criteria(expression="$[1:4]")
    assert await world.found(part, profile=asked) == listed[1:4]
    await world.publish(shop("a-0", "b-0"), by="bpp-0.example")
    started_later = replace(world, service=DiscoveryService())
    for process in (world, started_later):
        assert await process.found(part, profile=asked) == listed[1:4]
        assert await process.found(Criteria(expression="$[-1]"), profile=asked) == listed[-1:]


@pytest.mark.parametrize("profile", [V2_RC, V2_LTS], ids=["to_rc", "to_lts"])
async def test_who_changes_the_generation_is_told_in_the_new_one_alone(
    world: DiscoveryWorld, profile: Profile
) -> None:
    before = V2_LTS if profile is V2_RC else V2_RC
    await world.publish(shop("roof"), profile=before)
    await world.publish(shop("mill"), by=OTHER_BPP, profile=before)
    nobody = replace(shop(), providers=())
    await world.publish(nobody, profile=profile, gone=(Provider(id="was", name="Was"),))  # nothing is told
    assert sorted(await world.found()) == ["mill", "roof"]
    [result] = await world.publish(shop("barn"), profile=profile)
    notice = (*result.warnings, *result.errors)[-1]  # LTS has its warnings among its errors
    assert "published in another generation is told no more: " in notice.message
    for asked in PROFILES.values():
        assert sorted(await world.found(profile=asked)) == ["barn", "mill"]
    [again] = await world.publish(shop("barn", "roof"), profile=profile)
    assert (again.warnings, again.errors) == ((), ())


async def test_another_process_tells_what_was_published_to_this_one(world: DiscoveryWorld) -> None:
    other = replace(world, service=DiscoveryService())
    assert await other.found() == []
    for number in range(20):  # more than one index is made, and they are joined
        await world.publish(shop(f"roof-{number}"), by=f"bpp-{number}.example")
        assert len(await other.found()) == number + 1


async def test_searches_that_wait_hold_no_connections_and_are_so_many_at_most(
    world: DiscoveryWorld, database: Database
) -> None:
    await world.publish(shop("roof"))
    assert await world.found() == ["roof"]
    go_on = Event()
    blocking = asyncio.create_task(world.service.thread.run(go_on.wait))
    try:
        waiting = [asyncio.create_task(searched(world)) for _ in range(MOST_WAITING + 2)]
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        await eventually(lambda: checked_out(database), 0)
        assert (len(done), len(pending)) == (1, MOST_WAITING + 1)
        with pytest.raises(SearchesCrowded):
            await done.pop()
    finally:
        go_on.set()
    await blocking
    assert {found.total for found in await asyncio.gather(*pending)} == {1}


async def test_the_first_of_all_is_one_however_many_indices_there_are(world: DiscoveryWorld) -> None:
    await world.publish(shop(*"abcde"))
    assert await world.found() == list("abcde")
    await world.publish(shop("mill"), by=OTHER_BPP)  # too few for one index with the others
    assert await world.found(Criteria(expression="$[0]")) == ["mill"]
    assert await world.found() == ["mill", *"abcde"]


async def searched(world: DiscoveryWorld) -> Found:
    return await world.service.find(
        "v2_rc", Criteria(), world.uow_factory, now=NOW, page=Page(offset=0, limit=5)
    )


async def checked_out(database: Database) -> int:
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


async def test_one_of_those_who_come_at_one_time_reads_what_was_published(
    world: DiscoveryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.publish(shop("roof"))
    read, published_since = [], PublishedCatalogues.published_since

    async def counted(self: PublishedCatalogues, change: int) -> list[Published]:
        read.append(change)
        return await published_since(self, change)

    monkeypatch.setattr(PublishedCatalogues, "published_since", counted)
    await asyncio.gather(*(searched(world) for _ in range(5)))
    assert read == [0]
