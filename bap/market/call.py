"""What the routes of the plain API have in common: for whom, how long to wait, and whether it is repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel

from bap.market.account import Account, Trader
from bap.market.idempotency import Attempt, IdempotencyKey, attempt_of

PREFIX: Final = "/api/v1/market"
_MOST_SECONDS: Final = 60

Wait = Annotated[
    float | None,
    Query(gt=0, le=_MOST_SECONDS, description="Seconds to wait for sellers to answer; without it, none."),
]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=500, description="The `next` of the page before; without it, the first page."),
]
ThingId = Annotated[str, Path(min_length=1, max_length=64, description="The `id` that an answer gave it.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketCall:
    """A request that does something, once however often it is sent."""

    account: Account
    path: str
    key: str | None
    wait: float | None
    root: str

    def attempt(self, form: BaseModel | None = None) -> Attempt:
        """Return what tells this request, with that form, from others."""
        return attempt_of(self.account, self.key, self.path, form)

    def at(self, path: str) -> str:
        """Return where something of the plain API is found."""
        return f"{self.root}{PREFIX}{path}"


async def _call_of(
    account: Trader, request: Request, wait: Wait = None, key: IdempotencyKey = None
) -> MarketCall:
    return MarketCall(
        account=account,
        path=request.url.path,
        key=key,
        wait=wait,
        root=str(request.scope.get("root_path", "")),
    )


Call = Annotated[MarketCall, Depends(_call_of)]
