"""A back office moves stations over HTTP: it is told by signed posts, and posts what happens, signed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from kernel.body_signature import check_body_signature, sign_body
from kernel.clock import ManualClock
from kernel.energy import Energy
from kernel.errors import NodeError
from stations.command_desk import CommandDesk
from stations.limits import PowerLimit, lift_limit, limit_power
from stations.port import Acceptance, StationEventKind, Verb
from stations.roster import Roster
from stations.station_file import StationsInvalid, WebhookStation, load_stations
from stations.switchboard import Switchboard
from stations.turn import Turn
from stations.webhook.caller import WebhookCaller
from stations.webhook.door import station_events_router
from stations.webhook.signature import SIGNATURE_HEADER, read_secret
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.loopback_server import LoopbackServer
from tests.support.station_world import CONNECTOR, METER, NOW, SESSION, StationWorld

K = StationEventKind
SECRET = "a-secret-of-both-which-is-long-enough"
MINUTE = timedelta(minutes=1)


class BackOffice:
    """Somebody's own software: keeps what it is told, and answers as a test says."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.answers: list[Response] = []
        app = FastAPI()

        @app.post("/commands")
        async def take(request: Request) -> Response:
            body = await request.body()
            check_body_signature(request.headers[SIGNATURE_HEADER], body, secret=SECRET, now=NOW)
            self.told.append(orjson.loads(body))
            return self.answers.pop(0) if self.answers else JSONResponse({"acceptance": "ACCEPTED"})

        self.server = LoopbackServer(app)


class WebhookWorld(StationWorld):
    """A world whose only station is behind a back office."""

    def serve(self, timeout: timedelta = timedelta(seconds=10)) -> None:
        secrets = {"CP-7": SECRET}
        caller = WebhookCaller(self.roster, secrets=secrets, clock=self.clock, timeout=timeout)
        self.desk = CommandDesk(
            port=Switchboard(roster=self.roster, adapters={"webhook": caller}),
            holder=self.holder,
            uow_factory=self.uow_factory,
            clock=self.clock,
            on_result=self._on_result,
        )
        app = FastAPI()
        app.add_exception_handler(NodeError, _refused)
        app.include_router(
            station_events_router(self.desks, secrets=secrets, uow_factory=self.uow_factory, clock=self.clock)
        )
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node")

    async def post(self, event: str, at: datetime, **said: object) -> httpx.Response:
        body = orjson.dumps({"connector": 1, "event": event, "at": at.isoformat(), **said})
        return await self.post_signed(body)

    async def post_signed(
        self, body: bytes, *, secret: str = SECRET, station: str = "CP-7"
    ) -> httpx.Response:
        headers = {SIGNATURE_HEADER: sign_body(body, secret=secret, at=self.clock.now())}
        return await self.client.post(f"/stations/{station}/events", content=body, headers=headers)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NodeError)
    return JSONResponse({"code": error.code, "message": str(error)}, status_code=error.http_status)


@pytest.fixture
async def office() -> AsyncIterator[BackOffice]:
    office = BackOffice()
    async with office.server:
        yield office


@pytest.fixture
async def world(
    uow_factory: UnitOfWorkFactory, office: BackOffice, tmp_path: Path
) -> AsyncIterator[WebhookWorld]:
    (tmp_path / "depot.secret").write_text(SECRET + "\n")
    (tmp_path / "stations.yaml").write_text(f"""
stations:
  - id: CP-7
    protocol: webhook
    url: {office.server.url}/commands
    secret_file: depot.secret
    connectors:
      - {{number: 1, resource: {CONNECTOR}, meter: "{METER}", greatest_watts: 22000}}
""")
    world = WebhookWorld(uow_factory, ManualClock(NOW), Roster(load_stations(tmp_path / "stations.yaml")))
    async with uow_factory() as uow:
        await world.desks.connectors.open(Turn(uow, NOW))
    world.serve()
    yield world
    await world.client.aclose()


async def test_a_session_is_charged_by_a_back_office(world: WebhookWorld, office: BackOffice) -> None:
    assert await world.tell(Verb.RESERVE, until=NOW + 60 * MINUTE)
    assert await world.tell(Verb.START, limit=Energy(9_000))
    reserve, start = office.told
    assert reserve["until"] == "2026-11-27T10:00:00Z"
    assert start == {
        "command": start["command"], "verb": "START", "station": "CP-7", "connector": 1,
        "session": SESSION, "limit_wh": 9_000,
    }  # fmt: skip
    assert (await world.post("ONLINE", NOW)).status_code == 200
    await world.post("PREPARING", NOW)
    begun = {"charging": "c-1", "session": SESSION, "register_wh": 500}
    for _ in range(2):
        assert (await world.post("STARTED", NOW, **begun)).json() == {"taken": "STARTED"}
    world.clock.advance(30 * MINUTE)
    await world.post("READING", NOW + 10 * MINUTE, register_wh=3_000)
    await world.post("READING", NOW + 15 * MINUTE, register_wh=2_000, charging="c-1")
    await world.post("SUSPENDED_BY_CAR", NOW + 18 * MINUTE)
    await world.post("STOPPED", NOW + 20 * MINUTE, charging="c-1", register_wh=5_000, why="the driver left")
    await world.post("AVAILABLE", NOW + 21 * MINUTE)
    await world.post("OFFLINE", NOW + 22 * MINUTE)
    assert world.told() == [
        K.ONLINE, K.PREPARING, K.STARTED, K.SUSPENDED_BY_CAR, K.STOPPED, K.AVAILABLE, K.OFFLINE,
    ]  # fmt: skip
    assert await world.energy(NOW, NOW + 20 * MINUTE) == Energy(4_500)
    assert len(await world.quarantined()) == 1


async def test_who_limits_a_connector_may_change_while_it_is_limited(world: WebhookWorld) -> None:
    await world.tell(Verb.START)
    await world.post("STARTED", NOW, charging="c-1", session=SESSION, register_wh=1_000)
    for minute, said in enumerate(({}, {"grid_event": "DR-1"}, {}), start=1):
        world.clock.advance(MINUTE)
        answer = await world.post("SUSPENDED_BY_STATION", NOW + minute * MINUTE, **said)
        assert answer.status_code == 200
    limits = [event for event in world.events if event.kind is K.SUSPENDED_BY_STATION]
    assert [event.grid_event for event in limits] == [None, "DR-1", None]


async def test_a_back_office_is_told_of_limits(world: WebhookWorld, office: BackOffice) -> None:
    await world.tell(Verb.START)
    await world.post("STARTED", NOW, charging="c-1", session=SESSION, register_wh=1_000)
    wanted = PowerLimit(connector_id=CONNECTOR, watts=7_400, why="it is hot", put_at=NOW)
    async with world.uow_factory() as uow:
        await limit_power(wanted, uow)
    await world.carry_out()
    async with world.uow_factory() as uow:
        await lift_limit(CONNECTOR, uow, now=NOW)
    await world.carry_out()
    told = [(each["verb"], each["session"], each.get("limit_watts")) for each in office.told[1:]]
    assert told == [("LIMIT", SESSION, 7_400), ("LIFT", SESSION, None)]


async def test_a_back_office_that_is_down_is_asked_again(world: WebhookWorld, office: BackOffice) -> None:
    office.answers += [Response(status_code=503), Response(status_code=429)]
    assert await world.tell(Verb.START) is None
    world.clock.advance(timedelta(seconds=1))
    assert await world.carry_out() is None
    world.clock.advance(timedelta(seconds=2))
    result = await world.carry_out()
    assert result is not None
    assert result.acceptance is Acceptance.ACCEPTED
    assert len({told["command"] for told in office.told}) == 1


async def test_one_that_is_not_there_at_all_is_unreachable(world: WebhookWorld, office: BackOffice) -> None:
    await office.server.stop()
    assert await world.tell(Verb.START) is None
    world.clock.advance(timedelta(seconds=29.99))
    result = await world.carry_out()
    assert result is not None
    assert (result.acceptance, result.why) == (
        Acceptance.UNREACHABLE, "the back office could not be asked: ConnectError",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (JSONResponse({"acceptance": "REJECTED", "why": "closed"}), "closed"),
        (JSONResponse({"acceptance": "PERHAPS"}), "neither ACCEPTED nor REJECTED"),
        (Response(status_code=404), "answered 404"),
        (Response(status_code=302, headers={"Location": "http://127.0.0.1:1/"}), "answered 302"),
    ],
)
async def test_what_it_refuses_is_refused(
    world: WebhookWorld, office: BackOffice, answer: Response, why: str
) -> None:
    office.answers.append(answer)
    result = await world.tell(Verb.START)
    assert result is not None
    assert result.acceptance is Acceptance.REJECTED
    assert why in result.why


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (b"{", "STATION_EVENT_INVALID", 422),
        (b'{"connector":1,"event":"EXPLODED","at":"2026-11-27T09:00:00Z"}', "STATION_EVENT_INVALID", 422),
        (b'{"connector":1,"event":"AVAILABLE","at":"2026-11-27T09:00:00"}', "STATION_EVENT_INVALID", 422),
        (b'{"connector":1,"event":"STARTED","at":"2026-11-27T09:00:00Z"}', "STATION_EVENT_INVALID", 422),
        (b'{"connector":1,"event":"STOPPED","at":"2026-11-27T09:00:00Z"}', "STATION_EVENT_INVALID", 422),
        (b'{"connector":1,"event":"READING","at":"2026-11-27T09:00:00Z"}', "STATION_EVENT_INVALID", 422),
        (b'{"connector":2,"event":"AVAILABLE","at":"2026-11-27T09:00:00Z"}', "STATION_UNKNOWN", 404),
        (b" " * 70_000, "STATION_EVENT_TOO_LONG", 413),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_why(
    world: WebhookWorld, body: bytes, code: str, status: int
) -> None:
    answer = await world.post_signed(body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.events == []


async def test_who_does_not_have_the_secret_says_nothing_here(world: WebhookWorld) -> None:
    body = b'{"connector":1,"event":"AVAILABLE","at":"2026-11-27T09:00:00Z"}'
    assert (await world.post_signed(body, secret="another")).status_code == 401
    assert (await world.post_signed(body, station="CP-8")).status_code == 404
    assert (await world.client.post("/stations/CP-7/events", content=body)).status_code == 401
    assert world.events == []


@pytest.mark.parametrize(("secret", "said"), [("short", "32 characters"), (None, "cannot be read")])
def test_a_secret_that_is_none_stops_the_start(tmp_path: Path, secret: str | None, said: str) -> None:
    file = tmp_path / "depot.secret"
    if secret is not None:
        file.write_text(secret)
    station = WebhookStation.model_validate(
        {
            "id": "depot",
            "protocol": "webhook",
            "url": "https://depot.example.org/",
            "secret_file": file,
            "connectors": [{"number": 1, "resource": "plug", "meter": "0A01", "greatest_watts": 1}],
        }
    )
    with pytest.raises(StationsInvalid, match=said):
        read_secret(station)
    assert Roster([station]).places_of("depot")
