"""A buyer's request that waits for utilities: it is found again, and answered at last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.cascade.questions import Waiting
from bpp.platform import Bpp
from node.message import Inbound, decode
from protocol.errors import WireError
from storage.inbox import Inbox
from storage.unit_of_work import UnitOfWork


class RequestLost(Exception):
    """The inbox has no more the request that waits; whoever removed it answers for that."""


async def get_waiting(waiting: Waiting, uow: UnitOfWork) -> Inbound:
    """Return the request that waits, as it came in. Raises: RequestLost."""
    claimed = await Inbox(uow.connection).find_message(
        message_id=waiting.message_id, action=waiting.action.value, sender=waiting.sender
    )
    if claimed is None:
        raise RequestLost(f"{waiting.action} {waiting.message_id} of {waiting.sender}")
    return decode(claimed)


async def answer_waiting(
    bpp: Bpp, inbound: Inbound, content: Mapping[str, Any] | WireError, uow: UnitOfWork, *, now: datetime
) -> None:
    """Put the callback to a request that waited."""
    await uow.outbox.put(bpp.correspondent.answer(inbound, content, now=now))


async def refuse_waiting(
    bpp: Bpp, waiting: Waiting, error: WireError, uow: UnitOfWork, *, now: datetime
) -> None:
    """Put the callback that refuses a request that waited; to a consent nobody waits. Raises: RequestLost."""
    if waiting.is_consent:
        return
    await answer_waiting(bpp, await get_waiting(waiting, uow), error, uow, now=now)
