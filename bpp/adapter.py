"""Callbacks that the seller's own software has written: they bind to the requests that they answer."""

from __future__ import annotations

from dataclasses import replace

from node.correspondence import Peer
from protocol.actions import REQUEST_OF, Action
from protocol.signing import parse_header
from storage.inbox import Inbox
from storage.outbox import Outgoing
from storage.unit_of_work import UnitOfWork


async def put_callback(uow: UnitOfWork, outgoing: Outgoing, to: Peer, _requested_by: str) -> None:
    """Put a callback into the outbox, bound to the request of the same message id if there was one."""
    authorization = await Inbox(uow.connection).find_authorization(
        message_id=outgoing.message_id, action=REQUEST_OF[Action(outgoing.action)], sender=to.subscriber_id
    )
    signature = None if authorization is None else parse_header(authorization).signature
    await uow.outbox.put(replace(outgoing, request_signature=signature))
