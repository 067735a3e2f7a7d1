"""Calls that a subscriber signs as it signs a message, and that are none: who called, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fastapi import Request

from kernel.clock import Clock
from node.peer_gate import PeerGate
from node.rate_limit import PeerRates
from node.request_body import read_body
from protocol.errors import SignatureInvalid
from protocol.profile import DIGEST_LABELS
from protocol.signing import KeyValidity, parse_header, verify
from registry_client.keyring import KeyRing


class SignedCall(NamedTuple):
    """Who signed a call, and its bytes."""

    caller: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCalls:
    """Reads signed calls of the network's subscribers, under the same rules as their messages."""

    keyring: KeyRing
    gate: PeerGate
    rates: PeerRates
    clock: Clock
    max_body_bytes: int

    async def read(self, request: Request) -> SignedCall:
        """Return a call whose signature holds, and whose `Digest` header is that of its body.

        Raises: BodyTooLarge, SignatureMissing, SignatureInvalid, KeyExpired, PeerRefused, or what the
        registry raises.
        """
        raw = await read_body(request, max_bytes=self.max_body_bytes)
        header, now = parse_header(request.headers.get("authorization")), self.clock.now()
        record = await self.keyring.key_for(subscriber=header.subscriber_id, key_id=header.key_id, at=now)
        digest = verify(
            raw,
            header,
            key=record.signing_public_key,
            now=now,
            labels=DIGEST_LABELS,
            validity=KeyValidity(record.valid_from, record.valid_until),
        )
        if request.headers.get("digest") not in {f"{label}={digest}" for label in DIGEST_LABELS}:
            raise SignatureInvalid(
                "the header Digest is not that of the body",
                path="header Digest",
                hint=f"Send `Digest: {DIGEST_LABELS[0]}=` and the base64 of the body's BLAKE2b-512.",
            )
        self.gate.rules.check_sender(record)
        await self.rates.take(record.subscriber_id, now=now)
        return SignedCall(record.subscriber_id, raw)
