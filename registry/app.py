"""The registry as an application: `POST /subscribe`, `POST /lookup`, and whether it is well.

Source: Beckn registry API 1.1. Whoever shows the registry's token is taken at its word and is
SUBSCRIBED at once; proof of the URL by a challenge to `/on_subscribe` is outside this scope.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import simplejson
from fastapi import Depends, FastAPI, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from kernel.clock import Clock
from kernel.errors import NodeError
from node.documentation import add_documentation
from protocol.errors import SchemaViolated
from registry.body_limit import BodyLimit
from registry.errors import render_errors
from registry.forms import LookupForm, SubscribeForm
from registry.store import Author, find_subscriptions, record_subscription
from registry.tokens import TokenGuard
from storage.unit_of_work import UnitOfWorkFactory

_bearer: Final = HTTPBearer(auto_error=False, description="The registry's token, from its operator.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


class LookupTooBroad(NodeError):
    """More subscriptions fit than one answer may hold."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 400, False


class RegistryNotReady(NodeError):
    """The registry cannot reach its database."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


def create_registry_app(
    *,
    uow_factory: UnitOfWorkFactory,
    clock: Clock,
    token: str,
    token_name: str = "operator",  # noqa: S107  its name, for the history; not the token
    max_body_bytes: int = 65_536,
    max_lookup_records: int = 1_000,
) -> FastAPI:
    """Return the registry on the database of `uow_factory`; its tables must be there.

    `token` lets participants in and is kept only as a digest; `token_name` stands in the history.
    """
    app = FastAPI(title="degnode registry", version="1.1", docs_url=None, redoc_url=None)
    add_documentation(app)
    app.add_middleware(BodyLimit, max_body_bytes=max_body_bytes)
    render_errors(app)
    _add_health(app, uow_factory)
    _add_lookup(app, uow_factory, clock, max_records=max_lookup_records)
    _add_subscribe(app, uow_factory, clock, guard=TokenGuard(token), token_name=token_name)
    return app


def _add_subscribe(
    app: FastAPI, uow_factory: UnitOfWorkFactory, clock: Clock, *, guard: TokenGuard, token_name: str
) -> None:
    async def require_token(bearer: Bearer) -> None:
        guard.check(bearer.credentials if bearer else None)

    @app.post("/subscribe", summary="Enter or change a subscription", dependencies=[Depends(require_token)])
    async def subscribe(form: SubscribeForm, request: Request) -> dict[str, str]:
        """Make the key's subscription what the body says. The same body again changes nothing."""
        now = clock.now()
        _check_validity(form, now=now)
        author = Author(name=token_name, address=request.client.host if request.client else None)
        async with uow_factory() as uow:
            subscription = await record_subscription(uow.connection, form, author=author, now=now)
        return {"status": subscription.status_at(now).value}


def _add_lookup(app: FastAPI, uow_factory: UnitOfWorkFactory, clock: Clock, *, max_records: int) -> None:
    @app.post("/lookup", summary="Find subscriptions")
    async def lookup(form: LookupForm) -> Response:
        """Return every subscription that has all that the body names."""
        now = clock.now()
        async with uow_factory() as uow:
            found = await find_subscriptions(uow.connection, form, now=now, limit=max_records + 1)
        if len(found) > max_records:
            raise LookupTooBroad(
                f"more than {max_records} subscriptions fit",
                hint="Name a subscriber_id, or a domain and a type.",
            )
        answer = simplejson.dumps([subscription.to_wire(now=now) for subscription in found], use_decimal=True)
        return Response(answer, media_type="application/json")


def _add_health(app: FastAPI, uow_factory: UnitOfWorkFactory) -> None:
    @app.get("/healthz", summary="Whether the process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", summary="Whether it can answer")
    async def readyz() -> dict[str, str]:
        try:
            async with uow_factory() as uow:
                await uow.connection.execute(text("SELECT 1"))
        except (OSError, SQLAlchemyError) as error:
            raise RegistryNotReady("the registry cannot reach its database") from error
        return {"status": "ready"}


def _check_validity(form: SubscribeForm, *, now: datetime) -> None:
    if form.valid_until is not None and form.valid_until <= max(now, form.valid_from or now):
        raise SchemaViolated(
            "valid_until is over already, or not after valid_from",
            path="valid_until",
            hint="Let the key be valid for some time, or leave valid_until out.",
        )
