"""What every route of the registry works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from kernel.clock import Clock
from node.client_address import client_address
from registry.author import Author
from registry.keys import RegistryKeys
from registry.news import News
from registry.policy import RegistryPolicy
from registry.signed_request import SignedRequest
from registry.tokens import TokenGuard
from registry.tries import Tries
from registry_client.registrar import KEY_PROOF
from storage.unit_of_work import UnitOfWorkFactory

_BEARER: Final = "bearer "
_SIGNATURE: Final = "signature "
_documented: Final = HTTPBearer(auto_error=False, description="The registry's token, from its operator.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_documented)]


@dataclass(slots=True, kw_only=True)
class Desk:
    """The registry's database, clock, keys and rules; and who is at the counter."""

    uow_factory: UnitOfWorkFactory
    clock: Clock
    keys: RegistryKeys
    policy: RegistryPolicy
    guard: TokenGuard
    news: News
    signed_tries: Tries = field(init=False)

    def __post_init__(self) -> None:
        self.signed_tries = Tries(what="signed requests", per_minute=self.policy.signed_per_minute)

    def check_token(self, request: Request, *, now: datetime) -> Author:
        """Return the operator, who has shown the token. Raises: TokenRefused, TooManyTries."""
        address = self.address_of(request)
        name = self.guard.check(_token(request), address=address, now=now)
        return Author(name=name, address=address)

    async def read_signed(self, request: Request, *, now: datetime) -> SignedRequest:
        """Return the request with its signature read, not verified yet.

        Raises: SignatureMissing, SignatureInvalid; TooManyTries, for an address that sends too many.
        """
        address = self.address_of(request)
        self.signed_tries.count(address, now=now)
        return SignedRequest.read(
            await request.body(),
            authorization=request.headers.get("Authorization"),
            key_proof=request.headers.get(KEY_PROOF),
            address=address,
        )

    def address_of(self, request: Request) -> str | None:
        """Return the network address of the caller, also behind a proxy that is trusted."""
        return client_address(request.scope, self.policy.trusted_proxies)


def get_desk(request: Request) -> Desk:
    """Return the desk of the application that was asked."""
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(get_desk)]


async def identify(request: Request, desk: AtDesk, _shown: Bearer) -> SignedRequest | Author:
    """Return what was signed, or the operator who has shown the token.

    This comes before the form is read. Raises: TokenRefused, TooManyTries, SignatureInvalid.
    """
    now = desk.clock.now()
    if claims_signature(request):
        return await desk.read_signed(request, now=now)
    return desk.check_token(request, now=now)


async def require_signature(request: Request, desk: AtDesk) -> SignedRequest:
    """Return what was signed. Raises: SignatureMissing, SignatureInvalid, TooManyTries."""
    return await desk.read_signed(request, now=desk.clock.now())


async def require_operator(request: Request, desk: AtDesk, _shown: Bearer) -> Author:
    """Return the operator, who has shown the token. Raises: TokenRefused, TooManyTries."""
    return desk.check_token(request, now=desk.clock.now())


Entrant = Annotated[SignedRequest | Author, Depends(identify)]
Signed = Annotated[SignedRequest, Depends(require_signature)]
Operator = Annotated[Author, Depends(require_operator)]


def claims_signature(request: Request) -> bool:
    """Say whether the request says of itself that it is signed."""
    return request.headers.get("Authorization", "").lower().startswith(_SIGNATURE)


def _token(request: Request) -> str | None:
    value = request.headers.get("Authorization", "")
    if not value.lower().startswith(_BEARER):
        return None
    return value[len(_BEARER) :].strip() or None
