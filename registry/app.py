"""The registry as an application: who enters, who is found, what changed, and what the operator decides.

Source: Beckn registry API 1.1 for `/subscribe`, `/on_subscribe` and `/lookup`. Whoever signs proves
its URL and its encryption key by a challenge; whoever shows the registry's token is taken at its word
and is SUBSCRIBED at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from fastapi import FastAPI
from starlette.types import ASGIApp

from kernel.clock import Clock
from node.documentation import add_documentation
from registry import admin_api, card_api, changes_api, dedi_api, lookup_api, subscribe_api
from registry.body_limit import BodyLimit
from registry.desk import Desk
from registry.errors import render_errors
from registry.keys import RegistryKeys
from registry.news import News
from registry.policy import RegistryPolicy
from registry.signed_answers import SignedAnswers
from registry.tokens import TokenGuard
from storage.unit_of_work import UnitOfWorkFactory

Running = Callable[[], AbstractAsyncContextManager[None]]


def create_registry_app(
    *,
    uow_factory: UnitOfWorkFactory,
    clock: Clock,
    keys: RegistryKeys,
    guard: TokenGuard,
    policy: RegistryPolicy | None = None,
    news: News | None = None,
    running: Running = nullcontext,
) -> ASGIApp:
    """Return the registry on the database of `uow_factory`; its tables must be there.

    `guard` knows the operator's tokens. `running` holds what lives as long as the application: without
    the workers of `registry.service` nobody who signs is ever challenged.
    """
    policy = policy or RegistryPolicy()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running():
            yield

    app = FastAPI(
        title="degnode registry",
        version="1.1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,  # JSON is what is asked for, whether a client says so or not
    )
    app.state.desk = Desk(
        uow_factory=uow_factory,
        clock=clock,
        keys=keys,
        policy=policy,
        guard=guard,
        news=news or News(most=policy.max_waiting),
    )
    add_documentation(app)
    app.add_middleware(BodyLimit, max_body_bytes=policy.max_body_bytes)
    render_errors(app)
    for api in (card_api, subscribe_api, lookup_api, dedi_api, changes_api, admin_api):
        app.include_router(api.router)
    return SignedAnswers(app, signers=keys, clock=clock)
