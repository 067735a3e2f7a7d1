"""Who signed a message: the header is read, the key is looked up, the signature is verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from node.routing import Route
from protocol import signing
from protocol.actions import REQUEST_OF
from protocol.context import read_context
from protocol.detection import detect
from protocol.document import parse_document
from protocol.profile import DIGEST_LABELS
from protocol.request_binding import possible_fourth_lines
from protocol.signing import KeyValidity, SignatureHeader
from protocol.tolerance import STRICT, Tolerance
from registry_client.keyring import KeyRing
from registry_client.subscriber import SubscriberRecord


class SentAuthorizations(Protocol):
    """Finds the headers under which this node sent a request, for callbacks that bind to them."""

    async def __call__(self, *, message_id: str, action: str) -> list[str]: ...


class Authenticated(NamedTuple):
    """What the registry says of the signer's key, and the digest of what was signed."""

    record: SubscriberRecord
    body_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """Verifies the signatures of messages that come in."""

    keyring: KeyRing
    sent_authorizations: SentAuthorizations
    tolerance: Tolerance = STRICT

    def read(self, authorization: str) -> SignatureHeader:
        """Return the parts of the header. Raises: SignatureMissing, SignatureInvalid."""
        return signing.parse_header(authorization, self.tolerance)

    async def verify(
        self, raw: bytes, header: SignatureHeader, *, route: Route, now: datetime
    ) -> Authenticated:
        """Return who signed `raw` under `header`.

        Raises: SignatureInvalid, KeyExpired, or what the registry raises.
        """
        record = self.keyring.cached(subscriber=header.subscriber_id, key_id=header.key_id, at=now)
        if record is None:
            record = await self.keyring.key_for(subscriber=header.subscriber_id, key_id=header.key_id, at=now)
        body_digest = signing.verify(
            raw,
            header,
            key=record.signing_public_key,
            now=now,
            labels=DIGEST_LABELS,
            validity=KeyValidity(record.valid_from, record.valid_until),
            request_signatures=(
                () if header.headers == signing.THREE_LINES else await self._possible_fourth_lines(raw, route)
            ),
        )
        return Authenticated(record, body_digest)

    async def _possible_fourth_lines(self, raw: bytes, route: Route) -> tuple[str, ...]:
        """Return what a callback may repeat of the request it answers, which its message id names.

        That is the request's signature, or the whole header that it stood in; once for every try.
        """
        document = parse_document(raw)
        context = read_context(document, detect(document, route.profiles))
        request = None if route.action is None else REQUEST_OF.get(route.action)
        if request is None:
            return ()
        sent = await self.sent_authorizations(message_id=context.message_id, action=request)
        return tuple(line for value in sent for line in possible_fourth_lines(value))
