"""Forecasts of what there will be: kept, offered, displaced by newer ones, made from meters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import text

from bpp.api.forecasts import forecast_router
from bpp.forecasts.desk import Said, take_forecast
from bpp.forecasts.file import ForecastInvalid
from bpp.forecasts.jobs import FORECAST, FORECAST_OF_RESOURCE, ForecastJobs
from kernel.energy import Energy
from kernel.interval import Interval
from node.audit import Actor
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_api import KEY, seller_api
from tests.support.seller_world import EXPORT, ITEM, SOURCE_METER, SellerWorld, order
from tests.support.windows import HOUR, hourly, left_in, offering, span, window
from trading.availability.buckets import Bucket
from trading.availability.forecasts import ForecastStore, ForecastUnfit, NotForecast
from trading.availability.source import Forecasting, MeterRule
from trading.availability.store import AvailabilityStore, Oversold
from trading.offer import Catalogue
from trading.stock import Stock

BY = Actor(who="Ada")
FORECAST_ONLY = Forecasting()


def forecasting(rule: Forecasting = FORECAST_ONLY, production: Interval | None = None) -> Catalogue:
    """Return the catalogue with a rooftop of which there is what is forecast."""
    shop = offering(())
    (roof,) = shop.resources
    roof = replace(roof, available=Energy(0), forecasting=rule, production=production or roof.production)
    return replace(shop, resources=(roof,))


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).selling(catalogue=forecasting()).open()


async def say(world: SellerWorld, *buckets: Bucket) -> list[Oversold]:
    """Take a forecast; return what is oversold by it."""
    async with world.uow_factory() as uow:
        return await take_forecast(
            world.bpp.catalogue,
            ITEM,
            Said(buckets=buckets, by=BY, why="clouds"),
            uow,
            publish_to=("cds.example",),
            now=world.clock.now(),
        )


async def hours(world: SellerWorld) -> list[int]:
    """Return what is left of each hour from ten to two."""
    return [await left_in(world, at, at + 1) for at in range(10, 14)]


async def sell(world: SellerWorld, catalogue: Catalogue) -> None:
    world.bpp.sell_from(catalogue)
    async with world.uow_factory() as uow:
        await AvailabilityStore(uow.connection).put(catalogue.resources)


async def test_of_each_interval_the_newest_forecast_is_offered(world: SellerWorld) -> None:
    refused = await world.refusal(Action.SELECT, {"order": order(1, **window(10, 11))})
    assert refused.code == "BIZ_QUANTITY_UNAVAILABLE"
    assert await say(world, *hourly(3_000, 3_000)) == []
    assert await say(world, *hourly(1_000, 5_000, start=11)) == []
    assert await hours(world) == [3_000, 1_000, 5_000, 0]
    (found,) = (await world.send(Action.DISCOVER, {"text_search": "solar"}))["catalogs"]
    assert found["beckn:items"][0]["beckn:itemAttributes"]["availableQuantity"] == 9
    halves = [Bucket(interval=span(at, at + 0.5), available=Energy(700)) for at in (10, 10.5)]
    await say(world, *halves)  # finer, in the place of the whole hour
    assert await hours(world) == [1_400, 1_000, 5_000, 0]


async def test_what_is_sold_stays_sold_and_who_has_it_is_told_to_the_operator(world: SellerWorld) -> None:
    await say(world, *hourly(3_000, 3_000))
    bought = await world.buy(4, **window(10, 12))
    world.transaction_id = str(uuid4())
    await world.send(Action.INIT, {"order": order(1, **window(10, 11))})
    assert await say(world, *hourly(500)) == [
        Oversold(
            resource_id=ITEM,
            interval=span(10, 11),
            offered=Energy(500),
            taken=Energy(3_000),
            sold_to=(bought["beckn:id"],),
        )
    ]
    assert await hours(world) == [0, 1_000, 0, 0]
    assert await say(world, *hourly(9_000)) == []
    assert await hours(world) == [6_000, 1_000, 0, 0]


async def test_a_part_of_an_interval_is_refused_and_nothing_is_kept(world: SellerWorld) -> None:
    await say(world, *hourly(3_000))
    with pytest.raises(ForecastUnfit, match=r"from 2026-01-09T10:00:00Z until .* a part of it"):
        await say(world, Bucket(interval=span(10.5, 11), available=Energy(1)))
    with pytest.raises(ForecastInvalid, match="not all within the production"):
        await say(world, *hourly(1, start=18))
    assert await hours(world) == [3_000, 0, 0, 0]
    async with world.uow_factory() as uow:
        assert (await uow.connection.execute(text("SELECT count(*) FROM stock_forecasts"))).scalar_one() == 1


async def test_only_what_is_forecast_takes_forecasts(world: SellerWorld) -> None:
    meter = Forecasting(by_meter=MeterRule(share_percent=Decimal(80), over_days=2, ahead_days=1, zone="UTC"))
    for catalogue, message in (
        (offering(()), "is what the catalogue says"),
        (forecasting(meter), "is forecast from its meter"),
    ):
        await sell(world, catalogue)
        with pytest.raises(NotForecast, match=message):
            await say(world, *hourly(1))
    await sell(world, offering(()))
    world.bpp.sell_from(forecasting())  # a process that has not heard of the version that holds
    with pytest.raises(NotForecast, match="does not say that rooftop-solar-07 is forecast"):
        await say(world, *hourly(1))


async def test_forecasts_count_again_when_the_catalogue_comes_back_to_them(world: SellerWorld) -> None:
    await say(world, *hourly(3_000, 3_000))
    await say(world, *hourly(1_000, start=11))
    await world.buy(2, **window(10, 11))
    await sell(world, offering(()))
    assert await left_in(world, 10, 11) == 28_500
    await sell(world, forecasting())
    assert await hours(world) == [1_000, 1_000, 0, 0]
    async with world.uow_factory() as uow:
        await AvailabilityStore(uow.connection).put([], closing=[ITEM])
    assert await hours(world) == [0, 0, 0, 0]
    await sell(world, forecasting())
    assert await hours(world) == [1_000, 1_000, 0, 0]


async def test_forecasts_are_kept_as_they_were_made(world: SellerWorld) -> None:
    await say(world, *hourly(3_000))
    async with world.uow_factory() as uow:
        store = ForecastStore(uow.connection)
        now = world.clock.now()
        assert await store.forecast_since(now) == {ITEM}
        assert await store.forecast_since(now + timedelta(seconds=1)) == frozenset()
    for table in ("stock_forecasts", "stock_forecast_values"):
        with pytest.raises(Exception, match="append-only"):
            async with world.uow_factory() as uow:
                await uow.connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608


async def test_a_forecast_is_put_over_http(world: SellerWorld) -> None:
    router = forecast_router(world.bpp, publish_to=(), uow_factory=world.uow_factory, clock=world.clock)
    interval = {"start": "2026-01-09T10:00:00Z", "end": "2026-01-09T11:00:00Z", "kwh": "2.5"}
    path, why = f"/api/v1/catalog/resources/{ITEM}/forecast", {"why": "clouds"}
    async with seller_api([router], uow_factory=world.uow_factory, clock=world.clock)(KEY) as api:
        taken = await api.put(path, params=why, json={"intervals": [interval]})
        assert taken.json() == {"resource": ITEM, "intervals": 1, "watt_hours": 2_500, "oversold": []}
        await world.buy(2, **window(10, 11))
        cut = await api.put(path, params=why, json={"intervals": [interval | {"kwh": "1"}]})
        (over,) = cut.json()["oversold"]
        assert (over["offered_watt_hours"], over["taken_watt_hours"], len(over["sold_to"])) == (
            1_000,
            2_000,
            1,
        )
        wrong = await api.put(path, params=why, json={"intervals": [interval | {"kwh": "-1"}]})
        assert (wrong.status_code, "kwh" in wrong.text) == (422, True)
        beyond = await api.put(path, params=why, json={"intervals": [interval | {"kwh": "1" + 20 * "0"}]})
        assert (beyond.status_code, "more than 100000000000 kWh" in beyond.text) == (422, True)
        elsewhere = await api.put(path.replace(ITEM, "cellar"), params=why, json={"intervals": [interval]})
        assert elsewhere.status_code == 404


async def test_a_meter_is_forecast_from_once_a_day(uow_factory: UnitOfWorkFactory) -> None:
    rule = MeterRule(share_percent=Decimal(50), over_days=2, ahead_days=1, zone="UTC")
    production = Interval(span(0, 1).start, span(47, 48).end)
    catalogue = forecasting(Forecasting(by_meter=rule), production)
    world = await SellerWorld(uow_factory=uow_factory).selling(catalogue=catalogue).open()
    jobs = ForecastJobs(bpp=world.bpp, uow_factory=uow_factory)
    for days, amount in ((1, 4_000), (2, 2_001)):
        yesterday = span(12, 13).start - days * 24 * HOUR
        await world.report(SOURCE_METER, EXPORT, [(yesterday, amount)])
    assert [kind.name for kind in jobs.kinds] == [FORECAST, FORECAST_OF_RESOURCE]
    await jobs.look({}, world.clock.now())
    for _ in range(2):
        await jobs.forecast({"resource": ITEM}, world.clock.now())
    assert [await left_in(world, at, at + 1) for at in (11, 12, 36)] == [0, 1_500, 1_500]
    await world.buy(1, **window(12, 13))
    world.clock.advance(24 * HOUR)
    await jobs.forecast({"resource": ITEM}, world.clock.now())
    await jobs.forecast({"resource": "cellar"}, world.clock.now())
    assert [await left_in(world, at, at + 1) for at in (12, 36)] == [500, 2_000]
    async with uow_factory() as uow:
        made = text("SELECT source, made_by, why FROM stock_forecasts ORDER BY id")
        rows = (await uow.connection.execute(made)).all()
    assert [tuple(row) for row in rows] == [
        ("METER", "the node, from its meter", "50 % of the mean of 2 days")
    ] * 2


async def test_searches_go_on_where_more_is_said_to_be_there_than_can_be_counted(world: SellerWorld) -> None:
    most = Energy(2**63 - 1)
    await say(world, *(Bucket(interval=span(at, at + 1), available=most) for at in (10, 11)))
    async with world.uow_factory() as uow:
        stock, now = Stock(uow.connection), world.clock.now()
        assert await stock.left_of_wanted(now=now) == {ITEM: most}
        assert await stock.left_of_wanted(now=now, window=span(10, 12)) == {ITEM: most}


async def test_where_other_hours_are_forecast_already_those_stay_and_later_ones_follow(
    uow_factory: UnitOfWorkFactory,
) -> None:
    rule = MeterRule(share_percent=Decimal(50), over_days=1, ahead_days=1, zone="UTC")
    production = Interval(span(0, 1).start, span(95, 96).end)
    by_utc = forecasting(Forecasting(by_meter=rule), production)
    world = await SellerWorld(uow_factory=uow_factory).selling(catalogue=by_utc).open()
    jobs = ForecastJobs(bpp=world.bpp, uow_factory=uow_factory)
    await jobs.forecast({"resource": ITEM}, world.clock.now())
    half_past = replace(rule, zone="Asia/Kolkata")  # five hours and a half before UTC
    await sell(world, forecasting(Forecasting(by_meter=half_past), production))
    await jobs.forecast({"resource": ITEM}, span(0, 24).end)
    async with uow_factory() as uow:
        rows = await uow.connection.execute(text("SELECT starts FROM stock_buckets ORDER BY starts"))
        starts = [row.starts for row in rows]
    assert starts[-1] > span(24, 48).end  # the day after the one that was forecast by UTC
    assert {start.minute for start in starts if start < span(24, 48).end} == {0}
    assert {start.minute for start in starts if start >= span(24, 48).end} == {30}
    await jobs.forecast({"resource": ITEM}, span(0, 24).end)


async def test_searches_look_at_no_interval_that_is_over(world: SellerWorld) -> None:
    await say(world, *hourly(1_000, 1_000, 1_000))
    later = span(11, 12).end
    async with world.uow_factory() as uow:
        stock = Stock(uow.connection)
        assert await stock.left_of_wanted(now=later, since=later) == {ITEM: Energy(1_000)}
        assert await stock.left_of_wanted(now=later) == {ITEM: Energy(3_000)}
        evening = span(17, 18).start
        assert await stock.left_of_wanted(now=evening, since=evening) == {ITEM: Energy(0)}
        assert await stock.left_of_wanted(now=later, window=span(17, 18)) == {ITEM: Energy(0)}
