"""What each route asks of its caller: an API key, and the scope that the route is for.

A route states it in its signature: `caller: MayBuy`. Routes that read raw requests take an
`authenticator` instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer, SecurityScopes
from fastapi.security.http import HTTPAuthorizationCredentials

from node.api_key_store import ApiKey
from node.api_keys import HEADER, ApiKeys
from node.audit import Actor
from node.client_address import client_address
from node.scopes import Scope, ScopeMissing, check_scope

_header = APIKeyHeader(name=HEADER, auto_error=False, description="An API key of this node.")
_bearer = HTTPBearer(auto_error=False, description="The same key as a bearer token.")
_BEARER: Final = "bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who calls: with which key, and from where."""

    key: ApiKey
    address: str | None

    @property
    def actor(self) -> Actor:
        """Return who they are for the record of acts."""
        return Actor(who=f"API key {self.key.name} ({self.key.id})", from_address=self.address)


async def identify(
    request: Request,
    needed: SecurityScopes,
    header: Annotated[str | None, Security(_header)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Visitor:
    """Return the caller of a route. Raises: ApiKeyRefused, TriesExceeded, ScopeMissing."""
    shown = header or (bearer.credentials if bearer else None)
    return await _let_in(request, shown, [Scope(name) for name in needed.scopes])


async def name_caller(caller: Annotated[Visitor, Depends(identify)]) -> str:
    """Return the name of the caller of a route."""
    return caller.key.name


def _may(scope: Scope) -> Any:  # noqa: ANN401  what FastAPI takes in an annotation
    return Security(name_caller, scopes=[scope.value])


def _administers(scope: Scope) -> Any:  # noqa: ANN401
    return Security(identify, scopes=[scope.value])


MayBuy = Annotated[str, _may(Scope.BUY)]
MayTrade = Annotated[Visitor, _administers(Scope.MARKET)]
MayReadCatalogue = Annotated[str, _may(Scope.CATALOG_READ)]
MayEditCatalogue = Annotated[Visitor, _administers(Scope.CATALOG_EDIT)]
MayReadContracts = Annotated[str, _may(Scope.CONTRACTS_READ)]
MayCurtail = Annotated[Visitor, _administers(Scope.CONTRACTS_CURTAIL)]
MayChangeContracts = Annotated[Visitor, _administers(Scope.CONTRACTS_CHANGE)]
MayPay = Annotated[str, _may(Scope.PAYMENTS_START)]
MayReadMeters = Annotated[str, _may(Scope.METERS_READ)]
MayRegisterMeters = Annotated[Visitor, _administers(Scope.METERS_WRITE)]
MayEditMeters = Annotated[Visitor, _administers(Scope.METERS_EDIT)]
MayReadMetrics = Annotated[str, _may(Scope.METRICS_READ)]
MayReadNetwork = Annotated[str, _may(Scope.NETWORK_READ)]
MayReadAudit = Annotated[str, _may(Scope.AUDIT_READ)]
NetworkAdmin = Annotated[Visitor, _administers(Scope.NETWORK_ADMIN)]
KeysAdmin = Annotated[Visitor, _administers(Scope.KEYS_ADMIN)]

Authenticate = Callable[[Request], Awaitable[str]]


def authenticator(scope: Scope) -> Authenticate:
    """Return what names the caller of a raw request, by the same rule."""

    async def authenticate(request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        shown = request.headers.get(HEADER) or (token if scheme.lower() == _BEARER else None)
        return (await _let_in(request, shown, [scope])).key.name

    return authenticate


def security_of(scope: Scope) -> tuple[dict[str, list[str]], ...]:
    """Return how OpenAPI says that a route needs a key with `scope`, for routes with an authenticator."""
    return ({"APIKeyHeader": [scope.value]}, {"HTTPBearer": [scope.value]})


async def _let_in(request: Request, shown: str | None, needed: list[Scope]) -> Visitor:
    keys: ApiKeys = request.app.state.api_keys
    address = client_address(request.scope, keys.trusted_proxies)
    key = await keys.holder_of(shown, address=address)
    try:
        for scope in needed:
            check_scope(key.scopes, scope)
    except ScopeMissing:
        keys.count_refusal("scope")
        raise
    return Visitor(key=key, address=address)
