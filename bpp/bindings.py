"""THE TABLE of the seller's handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from bpp.cascade.answers import ANSWERS, receive_answer
from bpp.handlers.cancel import cancel
from bpp.handlers.confirm import confirm
from bpp.handlers.discover import discover
from bpp.handlers.init import init
from bpp.handlers.publication import receive_results
from bpp.handlers.rating import rate
from bpp.handlers.select import select
from bpp.handlers.status import status
from bpp.handlers.support import support
from bpp.handlers.track import track
from bpp.handlers.update import update
from bpp.places import places_named
from bpp.platform import Bpp
from node.message import Handler, Inbound
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork

SellerHandler = Callable[[Bpp, Inbound, UnitOfWork, datetime], Awaitable[Mapping[str, Any] | None]]

HANDLERS: Final[Mapping[Action, SellerHandler]] = {
    Action.DISCOVER: discover,
    Action.SELECT: select,
    Action.INIT: init,
    Action.CONFIRM: confirm,
    Action.STATUS: status,
    Action.TRACK: track,
    Action.UPDATE: update,
    Action.CANCEL: cancel,
    Action.RATING: rate,
    Action.SUPPORT: support,
    Action.ON_CATALOG_PUBLISH: receive_results,
}


def bind(bpp: Bpp) -> dict[Action, Handler]:
    """Return the handlers of `bpp`, each for its action: buyers' requests, and utilities' answers."""
    requests: dict[Action, Handler] = {
        action: partial(run_handler, handler, bpp) for action, handler in HANDLERS.items()
    }
    return requests | dict.fromkeys(ANSWERS, partial(receive_answer, bpp, requests))


async def run_handler(
    handler: SellerHandler, bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime
) -> Mapping[str, Any] | None:
    """Run a handler; what its refusal is about is named by its place in the message."""
    with places_named(inbound):
        return await handler(bpp, inbound, uow, now)
