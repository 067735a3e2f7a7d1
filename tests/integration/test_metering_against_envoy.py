"""bsgip/envoy, where a checkout of it is given: it mirrors, it notifies, and we end with what is right.

It has no list of meters to be read, and tells of a correction twice: the new value under status 0, the
old one under status 4, in whatever order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import httpx
import pytest
from fastapi import FastAPI

from kernel.clock import SystemClock
from kernel.energy import Energy
from kernel.interval import Interval
from metering.documents import MirrorMeterReading, MirrorReadingSet, Reading, TimePeriod
from metering.energy import Direction
from metering.feeds.feed_file import Feed
from metering.feeds.feed_store import FeedStore
from metering.feeds.notification_desk import NOTIFY_PATH, NotificationDesk, notification_router
from metering.feeds.poller import FeedPoller
from metering.feeds.subscriptions import Subscribed
from metering.query import interval_energy
from metering.sep.writer import write_mirror_meter_reading, write_mirror_usage_point
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.envoy_server import AGGREGATOR, SITE, running_envoy
from tests.support.loopback_server import LoopbackServer
from tests.support.metering_documents import IMPORT_REGISTER, METER, QUARTER, meter, register
from tests.support.waiting import eventually

SEP_XML: Final = {"Content-Type": "application/sep+xml"}
OTHER_REGISTER: Final = "0100200302"


@dataclass(frozen=True, kw_only=True)
class Heard(NotificationDesk):
    """A desk that keeps notifications back until the test hands them on, in the order that it likes."""

    waiting: list[tuple[bytes, Subscribed]] = field(default_factory=list)

    async def take(self, raw: bytes, subscribed: Subscribed) -> None:
        self.waiting.append((raw, subscribed))

    async def hand_on(self, *, backwards: bool) -> None:
        """Take what is waiting: the new values first, or the old ones."""
        self.waiting.sort(key=lambda item: b"<status>4</status>" in item[0], reverse=backwards)
        for raw, subscribed in self.waiting:
            await super().take(raw, subscribed)
        self.waiting.clear()

    async def eventually(self, *, readings: int, statuses: AbstractSet[int] = frozenset()) -> None:
        """Wait until so many readings have come, and notifications with these statuses."""

        async def has_come() -> bool:
            count = sum(raw.count(b"<value>") for raw, _ in self.waiting)
            return count >= readings and statuses <= self.statuses()

        await eventually(has_come, expected=True)

    def statuses(self) -> set[int]:
        return {int(raw.partition(b"<status>")[2].partition(b"<")[0]) for raw, _ in self.waiting}


class EnvoyWorld:
    """A node that is notified by envoy, and a meter that posts to it."""

    def __init__(self, url: str, uow_factory: UnitOfWorkFactory, app: FastAPI, own_url: str) -> None:
        self.url = url
        self.clock = SystemClock()
        self.midnight = self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(
            days=1
        )
        self._uow_factory = uow_factory
        self._own_url = own_url
        self._app = app

    async def begin(self, *registers: str) -> Heard:
        """Register the meter at envoy and follow envoy; return the desk at which it notifies."""
        known = [register([], mrid=mrid) for mrid in registers]
        answer = await self._post("/mup", write_mirror_usage_point(meter(*known, lfdi=SITE)))
        self.mup = answer.headers["location"]
        number = self.mup.rpartition("/")[2]
        feed = Feed.model_validate(
            {
                "name": "envoy",
                "url": f"{self.url}/dcap",
                "lfdi": AGGREGATOR,
                "notified": [
                    {
                        "resource": f"/upt/1/mr/{number}/rs/all/r",
                        "meter": METER,
                        "register": mrid,
                        "reading_type": {"flow_direction": 1, "interval_length": QUARTER},
                    }
                    for mrid in registers
                ],
            }
        )
        poller = FeedPoller(
            [feed], uow_factory=self._uow_factory, clock=self.clock, notify_url=self._own_url + NOTIFY_PATH
        )
        desk = Heard(feeds={"envoy": feed}, uow_factory=self._uow_factory, clock=self.clock)
        self._app.include_router(notification_router(desk))
        assert await poller.step()
        async with self._uow_factory() as uow:
            state = (await FeedStore(uow.connection).all())[0]
        assert (state["last_error"], state["subscriptions"]) == (None, 1)
        return desk

    async def post_readings(self, values: dict[int, int], *, mrid: str = IMPORT_REGISTER) -> None:
        """Post values by the number of their quarter hour."""
        readings = tuple(
            Reading(value=value, time_period=TimePeriod(start=self._start(quarter), duration=QUARTER))
            for quarter, value in values.items()
        )
        whole = TimePeriod(start=self._start(0), duration=96 * QUARTER)
        reading_set = MirrorReadingSet(mrid="0A01", time_period=whole, readings=readings)
        posted = MirrorMeterReading(mrid=mrid, mrid_as_sent=mrid, reading_sets=(reading_set,))
        await self._post(self.mup, write_mirror_meter_reading(posted))

    async def energies(self) -> list[tuple[Energy, int]]:
        window = Interval(self.midnight, self.midnight + timedelta(days=1))
        async with self._uow_factory() as uow:
            found = await interval_energy(
                uow.connection, meter=METER, direction=Direction.IMPORT, window=window
            )
        return [(interval.energy, interval.revision) for interval in found]

    def _start(self, quarter: int) -> int:
        return int(self.midnight.timestamp()) + quarter * QUARTER

    async def _post(self, path: str, body: bytes) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
            answer = await client.post(path, content=body, headers=SEP_XML)
        assert answer.status_code in (201, 204), answer.text
        return answer


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, postgres_url: str) -> AsyncIterator[EnvoyWorld]:
    app = FastAPI()
    async with running_envoy(postgres_url) as url, LoopbackServer(app) as node:
        yield EnvoyWorld(url, uow_factory, app, node.url)


DAY: Final = {quarter: 250 + quarter for quarter in range(96)}


@pytest.mark.parametrize("backwards", [False, True], ids=["0-before-4", "4-before-0"])
async def test_a_day_and_its_correction_end_in_the_right_values(world: EnvoyWorld, backwards: bool) -> None:
    desk = await world.begin(IMPORT_REGISTER)
    await world.post_readings(DAY)
    await desk.eventually(readings=96)
    await desk.hand_on(backwards=backwards)
    assert await world.energies() == [(Energy(value), 0) for value in DAY.values()]

    await world.post_readings({95: 1})
    await desk.eventually(readings=2, statuses={0, 4})
    await desk.hand_on(backwards=backwards)
    expected = [(Energy(value), 0) for value in DAY.values()]
    assert await world.energies() == [*expected[:95], (Energy(1), 1)]


async def test_readings_of_two_registers_in_one_list_are_not_taken_for_those_of_one(
    world: EnvoyWorld,
) -> None:
    desk = await world.begin(IMPORT_REGISTER, OTHER_REGISTER)
    await world.post_readings({0: 11, 1: 12})
    await world.post_readings({2: 21, 3: 22}, mrid=OTHER_REGISTER)
    await desk.eventually(readings=4)
    await desk.hand_on(backwards=False)
    assert await world.energies() == []
