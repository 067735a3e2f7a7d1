"""Requests that their subscriber has signed: who signed, and whether the signature holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from protocol.errors import SenderMismatch
from protocol.keys import read_public_key
from protocol.profile import DIGEST_LABELS
from protocol.signing import ALWAYS_VALID, KeyValidity, SignatureHeader, parse_header, verify
from registry.subscription import Subscription
from registry_client.registrar import KEY_PROOF

_PLACE: Final = f"header {KEY_PROOF}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """The bytes that came, their signature, the proof of a new key if there is one, and from where."""

    raw: bytes
    header: SignatureHeader
    key_proof: str | None
    address: str | None

    @classmethod
    def read(
        cls, raw: bytes, *, authorization: str | None, key_proof: str | None, address: str | None
    ) -> SignedRequest:
        """Return the request with its signature read, not verified yet.

        Raises: SignatureMissing, SignatureInvalid.
        """
        return cls(raw=raw, header=parse_header(authorization), key_proof=key_proof, address=address)

    @property
    def signed_until(self) -> datetime:
        """When the signature lapses."""
        return datetime.fromtimestamp(self.header.expires, UTC)

    def check_signer(self, subscriber_id: str) -> None:
        """Refuse a request that another subscriber has signed. Raises: SenderMismatch."""
        if self.header.subscriber_id != subscriber_id:
            raise SenderMismatch(
                f"the request is about {subscriber_id}, and {self.header.subscriber_id} has signed it",
                path="header Authorization, keyId",
                hint="Everybody changes only their own entry.",
            )

    def check(self, signing_public_key: str, *, now: datetime, validity: KeyValidity = ALWAYS_VALID) -> None:
        """Refuse a signature that is not of this key, or not of now. Raises: SignatureInvalid, KeyExpired."""
        verify(
            self.raw,
            self.header,
            key=read_public_key(signing_public_key),
            now=now,
            labels=DIGEST_LABELS,
            validity=validity,
        )

    def check_key_proof(self, *, subscriber_id: str, key_id: str, key: str, now: datetime) -> None:
        """Refuse a new key whose owner has not signed the request with it.

        Else somebody could enter the key of another as its own.
        Raises: SignatureMissing, SignatureInvalid, SenderMismatch.
        """
        header = parse_header(self.key_proof, place=_PLACE)
        if (header.subscriber_id, header.key_id) != (subscriber_id, key_id):
            raise SenderMismatch(
                f"the proof is of the key {header.key_id!r} of {header.subscriber_id}",
                path=_PLACE,
                hint=f"Sign the same body with the new key {key_id!r}, and send that as {KEY_PROOF}.",
            )
        verify(self.raw, header, key=read_public_key(key), now=now, labels=DIGEST_LABELS)


def validity_of(subscription: Subscription) -> KeyValidity:
    """Return when the subscription's key may sign."""
    return KeyValidity(subscription.valid_from, subscription.valid_until)
