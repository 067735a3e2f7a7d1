"""Signed confirm messages for the benchmarks: alike but for their ids, each signed for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson

from protocol.actions import Action
from protocol.profile import V2_RC
from protocol.signing import Signer

_MESSAGE_ID, _TRANSACTION_ID = "@message-id@", "@transaction-id@"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmFactory:
    """Makes whole HTTP requests, each a confirm of a transaction of its own."""

    signer: Signer
    template: bytes
    host: str

    @classmethod
    def of(cls, document: Mapping[str, Any], *, signer: Signer, host: str) -> ConfirmFactory:
        """Return a factory of copies of `document`, which is a valid confirm."""
        context = {
            **document["context"],
            V2_RC.keys.message_id: _MESSAGE_ID,
            V2_RC.keys.transaction_id: _TRANSACTION_ID,
        }
        template = orjson.dumps({**document, "context": context})
        return cls(signer=signer, template=template, host=host)

    def make(self, count: int, *, now: datetime) -> list[bytes]:
        """Return so many requests, signed at `now`."""
        return [self._one(now) for _ in range(count)]

    def _one(self, now: datetime) -> bytes:
        body = self.template.replace(_MESSAGE_ID.encode(), str(uuid4()).encode())
        body = body.replace(_TRANSACTION_ID.encode(), str(uuid4()).encode())
        authorization = self.signer.sign(body, now=now, label=V2_RC.digest_labels[0])
        head = (
            f"POST {V2_RC.path_of(Action.CONFIRM)} HTTP/1.1\r\nHost: {self.host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: {authorization}\r\n\r\n"
        )
        return head.encode() + body
