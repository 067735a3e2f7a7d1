"""A seller's real application over some of its routes, and clients with a key of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import httpx
from fastapi import APIRouter
from starlette.types import ASGIApp

from kernel.clock import Clock
from node.api_keys import ApiKeys
from node.app import create_app
from node.telemetry import Metrics
from storage.unit_of_work import UnitOfWorkFactory

KEY: Final = "dgn_test"
"""The operator's own."""
Connect = Callable[[str | None], AbstractAsyncContextManager[httpx.AsyncClient]]


def seller_api(routers: Sequence[APIRouter], *, uow_factory: UnitOfWorkFactory, clock: Clock) -> Connect:
    """Return what connects to an application with these routes, by an API key or by none."""
    app = seller_app(routers, uow_factory=uow_factory, clock=clock)

    @asynccontextmanager
    async def connected(key: str | None) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://seller",
            headers={} if key is None else {"X-Api-Key": key},
        ) as client:
            yield client

    return connected


def seller_app(routers: Sequence[APIRouter], *, uow_factory: UnitOfWorkFactory, clock: Clock) -> ASGIApp:
    """Return the application with these routes."""

    async def ready() -> dict[str, bool]:
        return {}

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        yield

    return create_app(
        title="Seller",
        description="",
        routers=routers,
        api_keys=ApiKeys(uow_factory, configured=KEY, clock=clock),
        metrics=Metrics(),
        readiness=ready,
        running=running,
    )
