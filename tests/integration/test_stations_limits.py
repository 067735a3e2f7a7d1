"""A limit on power reaches what charges at a connector, and what begins there, until it is lifted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bpp.api.plug_limits import plug_limit_router
from node.audit import list_acts
from stations.limits import LimitStore, PowerLimit, lift_limit, limit_power
from stations.port import Acceptance, StationEventKind, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import ChargePoint16, ChargePoint201
from tests.support.seller_api import KEY, seller_api
from tests.support.station_world import CONNECTOR, NOW, TAG, StationWorld, station_world

SET, CLEAR = "SetChargingProfile", "ClearChargingProfile"


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> AsyncIterator[StationWorld]:
    async with station_world(uow_factory) as world:
        await world.tell(Verb.START)
        yield world


async def limit(world: StationWorld, watts: int = 11_000) -> None:
    wanted = PowerLimit(connector_id=CONNECTOR, watts=watts, why="feeder 7 is full", put_at=world.clock.now())
    async with world.uow_factory() as uow:
        await limit_power(wanted, uow)
    await world.carry_out()


async def lift(world: StationWorld) -> None:
    async with world.uow_factory() as uow:
        await lift_limit(CONNECTOR, uow, now=world.clock.now())
    await world.carry_out()


async def is_held(world: StationWorld) -> bool:
    async with world.uow_factory() as uow:
        found = await LimitStore(uow.connection).find(CONNECTOR)
    return found is not None and found.held_since is not None


def outcomes(world: StationWorld, verb: Verb) -> list[tuple[Acceptance, str]]:
    return [(result.acceptance, result.why) for command, result in world.results if command.verb is verb]


async def test_what_runs_at_a_connector_of_ocpp_16_is_limited_until_that_is_lifted(
    world: StationWorld,
) -> None:
    async with ChargePoint16(world.url) as station:
        begun = await station.start(TAG, NOW, 1_000)
        await limit(world)
        assert await station.heard(SET) == {
            "connector_id": 1,
            "cs_charging_profiles": {
                "charging_profile_id": 1,
                "transaction_id": begun.transaction_id,
                "stack_level": 0,
                "charging_profile_purpose": "TxProfile",
                "charging_profile_kind": "Relative",
                "charging_schedule": {
                    "charging_rate_unit": "W",
                    "charging_schedule_period": [{"start_period": 0, "limit": 11_000}],
                },
            },
        }
        assert await is_held(world)
        await lift(world)
        assert await station.heard(CLEAR) == {"id": 1}
    assert not await is_held(world)


async def test_what_runs_at_an_evse_of_ocpp_2_is_limited_likewise(world: StationWorld) -> None:
    async with ChargePoint201(world.url) as station:
        await station.event("Started", NOW, tag=TAG, kwh=1.0)
        await limit(world)
        told = await station.heard(SET)
        assert (told["evse_id"], told["charging_profile"]["transaction_id"]) == (1, "tx-1")
        [schedule] = told["charging_profile"]["charging_schedule"]
        assert schedule["charging_schedule_period"] == [{"start_period": 0, "limit": 11_000}]
        await lift(world)
        assert await station.heard(CLEAR) == {"charging_profile_id": 1}


async def test_a_charging_that_begins_at_a_limited_connector_is_limited_and_none_after_its_end(
    world: StationWorld,
) -> None:
    await limit(world)
    assert outcomes(world, Verb.LIMIT) == []  # there is nothing to limit
    async with ChargePoint16(world.url) as station:
        begun = await station.start(TAG, NOW, 1_000)
        await world.carry_out()
        told = await station.heard(SET)
        assert told["cs_charging_profiles"]["transaction_id"] == begun.transaction_id
        assert await is_held(world)
        await station.stop(begun.transaction_id, NOW, 1_000)
        assert not await is_held(world)
        card = await station.start("CARD", NOW, 1_000)  # the grid does not ask who charges
        await world.carry_out()
        told = await station.heard(SET)
        assert told["cs_charging_profiles"]["transaction_id"] == card.transaction_id
        await station.stop(card.transaction_id, NOW, 1_000)
        await lift(world)
        assert station.told.empty()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("Rejected", "the station does not take the limit, and goes on as it did"),
        ("NotSupported", "the station cannot limit its power, and goes on as it did"),
    ],
)
async def test_a_limit_that_a_station_does_not_take_is_told_and_holds_nobody(
    world: StationWorld, answer: str, why: str
) -> None:
    async with ChargePoint16(world.url, replies={SET: answer, CLEAR: "Unknown"}) as station:
        await station.start(TAG, NOW, 1_000)
        await limit(world)
        assert outcomes(world, Verb.LIMIT) == [(Acceptance.REJECTED, why)]
        assert not await is_held(world)
        await lift(world)
    assert outcomes(world, Verb.LIFT) == [(Acceptance.ACCEPTED, "there was nothing to lift")]


async def test_a_station_that_does_not_know_limits_has_refused_it(world: StationWorld) -> None:
    async with ChargePoint16(world.url) as station:
        await station.start(TAG, NOW, 1_000)
        del station._station.route_map[SET]
        await limit(world)
    [(acceptance, why)] = outcomes(world, Verb.LIMIT)
    assert acceptance is Acceptance.REJECTED
    assert "NotImplemented" in why or "NotSupported" in why


async def test_a_station_that_was_away_is_told_the_limit_that_holds_by_then_and_no_other(
    world: StationWorld,
) -> None:
    async with ChargePoint16(world.url) as station:
        await station.start(TAG, NOW, 1_000)
        await station.lose_network()
        await world.until(StationEventKind.OFFLINE)
        for watts in (11_000, 7_000):
            await limit(world, watts)
        await lift(world)
        await limit(world, 5_000)
        await station.connect()
        await station.boot()
        await world.carry_out()
        assert _watts(await station.heard(SET)) == 5_000
        assert station.told.empty()
        await station.lose_network()  # and forgets it
        await station.connect()
        await station.boot()
        await world.carry_out()
        assert _watts(await station.heard(SET)) == 5_000


async def test_an_operators_software_limits_a_plug_and_reads_what_came_of_it(world: StationWorld) -> None:
    router = plug_limit_router(uow_factory=world.uow_factory, clock=world.clock)
    path, said = f"/api/v1/plugs/{CONNECTOR}/limit", {"watts": 7_400, "why": "it is hot"}
    async with (
        seller_api([router], uow_factory=world.uow_factory, clock=world.clock)(KEY) as api,
        ChargePoint16(world.url, replies={SET: "Rejected"}) as station,
    ):
        assert (await api.get(path)).status_code == 404
        assert (await api.put("/api/v1/plugs/no-plug/limit", json=said)).status_code == 404
        assert (await api.put(path, json=said | {"watts": -1})).status_code == 422
        begun = await station.start(TAG, NOW, 1_000)
        made = (await api.put(path, json=said)).json()
        assert (made["watts"], made["acceptance"], made["held_since"]) == (7_400, None, None)
        await world.carry_out()
        assert _watts(await station.heard(SET)) == 7_400
        assert (await api.put(path, json=said)).json()["acceptance"] == "REJECTED"  # the same again
        assert "does not take the limit" in (await api.get(path)).json()["answer"]
        await world.carry_out()
        assert station.told.empty()
        del station.replies[SET]
        await api.put(path, json=said | {"grid_event": "DR-1"})
        await world.carry_out()
        read = (await api.get(path)).json()
        assert (read["grid_event"], read["acceptance"], read["answer"]) == ("DR-1", "ACCEPTED", None)
        assert read["held_since"] is not None
        assert (await api.delete(path)).status_code == 422  # without a reason
        assert (await api.delete(path, params={"why": "cooler"})).status_code == 204
        assert (await api.delete(path, params={"why": "cooler"})).status_code == 404
        await station.stop(begun.transaction_id, NOW, 1_000)
    async with world.uow_factory() as uow:
        acts = [each.act.what for each in await list_acts(uow, target=CONNECTOR, limit=9)]
    assert sorted(acts) == ["plug.limit_lifted", "plug.limited", "plug.limited"]


def _watts(told: dict[str, Any]) -> int:
    [period] = told["cs_charging_profiles"]["charging_schedule"]["charging_schedule_period"]
    return int(period["limit"])
