"""Letters of the plain API: what is asked of a seller, in the words of no wire, and how it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bap.buyer import Buyer, Letter
from bap.market.problem import MarketError
from bap.market.purchase import Stated
from bap.market.requests import record_request
from node.correspondence import Peer
from protocol.actions import Action
from protocol.profile import Profile
from storage.unit_of_work import UnitOfWork


class WrongMoment(MarketError):
    """The order is not where this can be done to it."""

    code, http_status, retryable = "MARKET_WRONG_MOMENT", 409, False
    kind = "wrong-moment"


async def post(buyer: Buyer, uow: UnitOfWork, letter: Letter, *, holder: str) -> str:
    """Put a request in the outbox together with its record; return its id."""
    call = await buyer.post(uow, letter, requested_by=holder)
    now, expires_at = times_of(buyer, letter.action)
    await record_request(uow, call, thread_id=letter.transaction_id, now=now, expires_at=expires_at)
    return call.message_id


def times_of(buyer: Buyer, action: Action) -> tuple[datetime, datetime]:
    """Return when a request leaves now, and until when its answer is waited for."""
    now = buyer.clock.now()
    return now, now + buyer.correspondent.ttl_of(action)


def letter_about(stated: Stated, action: Action, profile: Profile, message: Mapping[str, Any]) -> Letter:
    """Return a letter to the seller of a purchase."""
    return Letter(
        action=action,
        peer=Peer(subscriber_id=stated.purchase.bpp_id, url=stated.bpp_url),
        profile=profile,
        message=message,
        transaction_id=stated.purchase.id,
    )
