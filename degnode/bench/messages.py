"""Signed confirm messages for the benchmarks: alike but for their ids, each signed for itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import simplejson

from bap.examples import REQUESTS
from node.correspondence import Peer
from protocol.actions import Action
from protocol.context import Context, write_context
from protocol.profile import V2_RC
from protocol.signing import Signer

_MESSAGE_ID, _TRANSACTION_ID = "@message-id@", "@transaction-id@"
_TTL: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmFactory:
    """Makes whole HTTP requests, each a confirm of a transaction of its own."""

    signer: Signer
    template: str
    host: str

    @classmethod
    def between(cls, buyer: Peer, seller: Peer, *, signer: Signer, now: datetime) -> ConfirmFactory:
        """Return a factory of confirms from `buyer` to `seller`, valid for an hour."""
        context = Context(
            action=V2_RC.wire_names[Action.CONFIRM],
            domain="beckn.one:deg:p2p-trading:2.0.0",
            version=V2_RC.version,
            bap_id=buyer.subscriber_id,
            bap_uri=buyer.url,
            bpp_id=seller.subscriber_id,
            bpp_uri=seller.url,
            transaction_id=_TRANSACTION_ID,
            message_id=_MESSAGE_ID,
            timestamp=now,
            ttl=_TTL,
        )
        document = {
            "context": write_context(context, V2_RC),
            "message": REQUESTS[Action.CONFIRM]["message"],
        }
        template = simplejson.dumps(document, use_decimal=True, separators=(",", ":"))
        return cls(signer=signer, template=template, host=seller.url.removeprefix("http://"))

    def make(self, count: int, *, now: datetime) -> list[bytes]:
        """Return so many requests, signed at `now`."""
        return [self._one(now) for _ in range(count)]

    def _one(self, now: datetime) -> bytes:
        text = self.template.replace(_MESSAGE_ID, str(uuid4()), 1).replace(_TRANSACTION_ID, str(uuid4()), 1)
        body = text.encode()
        authorization = self.signer.sign(body, now=now, label=V2_RC.digest_labels[0])
        head = (
            f"POST {V2_RC.path_of(Action.CONFIRM)} HTTP/1.1\r\nHost: {self.host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: {authorization}\r\n\r\n"
        )
        return head.encode() + body
