"""The application around the protocol: health, metrics, and how errors are put."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
import simplejson
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from sqlalchemy.exc import ProgrammingError
from starlette.requests import ClientDisconnect
from structlog.testing import capture_logs

from kernel.errors import NodeError
from node.api_keys import ApiKeys
from node.app import JsonResponse, create_app
from node.telemetry import Metrics
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory

KEY = {"X-Api-Key": "dgn_test"}
router = APIRouter()


class Form(BaseModel):
    """What the test's own route takes."""

    names: list[str]


class SoldOut(NodeError):
    """An anticipated refusal."""

    code, http_status, retryable = "BIZ_SOLD_OUT", 409, False


@router.get("/decimal")
async def decimal() -> JsonResponse:
    return JsonResponse({"price": Decimal("0.10"), "name": "Höhe"})


@router.get("/refused")
async def refused() -> None:
    raise SoldOut("nothing is left", path="$.order", hint="Come tomorrow.")


@router.get("/broken")
async def broken() -> None:
    raise ZeroDivisionError("the secret is 42")


@router.get("/wrong-query")
async def wrong_query() -> None:
    raise ProgrammingError("SELECT", None, Exception("no such table"))


@router.get("/abandoned")
async def abandoned() -> None:
    raise ClientDisconnect


@router.post("/form")
async def take(form: Form, limit: int = 1) -> dict[str, Any]:
    return {"names": form.names[:limit]}


@router.get("/notify/{secret}/{end}")
async def notify(secret: str, end: str) -> None:
    errors: dict[str, Exception] = {
        "broken": ZeroDivisionError("0"),
        "abandoned": ClientDisconnect(),
        "refused": SoldOut("nothing is left"),
        "outage": OSError("the database is away"),
    }
    raise errors[end]


class World:
    """An application with a health that can be set, and what was started in it."""

    def __init__(self) -> None:
        self.health: dict[str, bool] = {"database": True, "schema": True}
        self.life: list[str] = []
        database = Database.connect("postgresql://nobody@127.0.0.1:9/nowhere")  # never asked
        app = create_app(
            title="test",
            description="for tests",
            routers=[router],
            api_keys=ApiKeys(UnitOfWorkFactory(database), configured=KEY["X-Api-Key"]),
            metrics=Metrics(),
            readiness=self.readiness,
            running=self.running,
        )
        assert isinstance(app, FastAPI)
        self.app = app
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test")

    async def readiness(self) -> Mapping[str, bool]:
        return self.health

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.life.append("started")
        yield
        self.life.append("stopped")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.client:
        yield world


async def test_a_process_that_answers_is_alive(world: World) -> None:
    response = await world.client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


async def test_it_is_ready_when_all_that_it_needs_is_there(world: World) -> None:
    response = await world.client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ready")
    world.health["schema"] = False
    response = await world.client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "checks": {"database": True, "schema": False}}


async def test_metrics_need_a_key(world: World) -> None:
    response = await world.client.get("/metrics")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "AUT_UNAUTHORIZED_ACTION")
    response = await world.client.get("/metrics", headers=KEY)
    assert response.status_code == 200
    assert "degnode_receive_seconds" in response.text
    bearer = {"Authorization": f"Bearer {KEY['X-Api-Key']}"}
    assert (await world.client.get("/metrics", headers=bearer)).status_code == 200


async def test_the_contexts_are_served(world: World) -> None:
    response = await world.client.get("/contexts")
    assert response.status_code == 200
    assert any("EnergyTradeContract" in iri for iri in response.json())


async def test_numbers_are_written_as_they_are(world: World) -> None:
    response = await world.client.get("/decimal")
    assert '"price": 0.10' in response.text
    assert simplejson.loads(response.text, use_decimal=True) == {"price": Decimal("0.10"), "name": "Höhe"}


async def test_a_refusal_is_told_with_its_status_and_all_that_helps(world: World) -> None:
    response = await world.client.get("/refused")
    assert response.status_code == 409
    assert response.json() == {
        "error": {
            "code": "BIZ_SOLD_OUT",
            "message": "nothing is left",
            "details": {"path": "$.order", "hint": "Come tomorrow."},
        }
    }


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/form", b'{"names": ["a", 1]}', "$.names[1]"),
        ("/form", b"{}", "$.names"),
        ("/form", b"[]", "$"),
        ("/form?limit=many", b'{"names": []}', "query limit"),
    ],
)
async def test_a_form_that_does_not_fit_is_told_where(
    world: World, path: str, body: bytes, where: str
) -> None:
    headers = {"Content-Type": "application/json"}
    response = await world.client.post(path, content=body, headers=headers)
    assert response.status_code == 422
    error = response.json()["error"]
    assert (error["code"], error["details"]["path"]) == ("SCH_SCHEMA_VALIDATION_FAILED", where)
    assert error["message"]


async def test_what_nobody_foresaw_leaks_nothing(world: World) -> None:
    response = await world.client.get("/broken")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "NET_INTERNAL_ERROR")
    assert "42" not in response.text


async def test_a_database_that_cannot_be_reached_is_told_as_that(world: World) -> None:
    response = await world.client.get("/metrics", headers={"X-Api-Key": "dgn_other"})  # looked up in it
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.json()["error"]["message"] == "the database cannot be reached"


async def test_a_database_that_was_asked_wrongly_is_our_own_fault(world: World) -> None:
    response = await world.client.get("/wrong-query")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "NET_INTERNAL_ERROR")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nix", 404), ("PUT", "/decimal", 405)])
async def test_what_there_is_not_is_told_like_every_refusal(
    world: World, method: str, path: str, status: int
) -> None:
    response = await world.client.request(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, "NET_NOT_IMPLEMENTED")
    assert ("allow" in response.headers) == (status == 405)


async def test_a_caller_that_goes_away_breaks_nothing(world: World) -> None:
    assert (await world.client.get("/abandoned")).status_code == 400


async def test_the_documentation_lists_every_operation_and_asks_nobody_else(world: World) -> None:
    page = await world.client.get("/docs")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for text in ("<h1>test</h1>", "/decimal", "/metrics", "needs a key", "open to all"):
        assert text in page.text
    assert "<script" not in page.text
    assert (await world.client.get("/redoc")).status_code == 404


async def test_what_runs_lives_as_long_as_the_application(world: World) -> None:
    async with world.app.router.lifespan_context(world.app):
        assert world.life == ["started"]
    assert world.life == ["started", "stopped"]


@pytest.mark.parametrize("end", ["broken", "abandoned", "refused", "outage"])
async def test_a_log_tells_the_route_of_a_request_and_no_secret_in_its_path(world: World, end: str) -> None:
    with capture_logs() as logs:
        await world.client.get(f"/notify/s3cr3t-t0ken/{end}")
    assert [line["route"] for line in logs] == ["/notify/{secret}/{end}"]
    assert "s3cr3t-t0ken" not in str(logs)
