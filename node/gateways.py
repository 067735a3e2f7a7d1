"""Requests that came through a gateway carry its signature beside the sender's; it is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kernel.errors import NodeError
from protocol import signing
from protocol.actions import Action, Role
from protocol.errors import (
    GatewaySignatureInvalid,
    KeyExpired,
    KeyUnknown,
    SignatureInvalid,
    SignatureMissing,
    SubscriberUnknown,
)
from protocol.profile import DIGEST_LABELS
from protocol.signature_header import GATEWAY_AUTHORIZATION
from protocol.signing import KeyValidity
from registry_client.keyring import KeyRing
from registry_client.subscriber import SubscriberRecord, SubscriberRole

HEADER: Final = b"x-gateway-authorization"
_DISBELIEVED: Final = (SignatureMissing, SignatureInvalid, SubscriberUnknown, KeyUnknown, KeyExpired)


class PassedOnBefore(NodeError):
    """A gateway has passed the message on already, and this is one too."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 403, False


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCheck:
    """Verifies the signature of the gateway that passed a message on (BECKN-006)."""

    keyring: KeyRing

    async def check(
        self, headers: Mapping[bytes, bytes], raw: bytes, *, action: Action, now: datetime
    ) -> SubscriberRecord | None:
        """Return the gateway that passed the message on, None if none did.

        Raises: GatewaySignatureInvalid, if its signature does not hold or it is no gateway;
        RegistryUnavailable.
        """
        value = headers.get(HEADER)
        if value is None:
            return None
        try:
            header = signing.parse_header(value.decode("latin-1"), place=GATEWAY_AUTHORIZATION)
            sender = await self.keyring.key_for(subscriber=header.subscriber_id, key_id=header.key_id, at=now)
            signing.verify(
                raw,
                header,
                key=sender.signing_public_key,
                now=now,
                labels=DIGEST_LABELS,
                validity=KeyValidity(sender.valid_from, sender.valid_until),
            )
        except _DISBELIEVED as error:
            raise GatewaySignatureInvalid(
                error.message, path=GATEWAY_AUTHORIZATION, hint=error.hint
            ) from error
        if sender.role is not SubscriberRole.BG:
            registered = sender.role or "nothing of its role"
            raise GatewaySignatureInvalid(
                f"{header.subscriber_id} is no gateway, the registry says {registered}",
                path=GATEWAY_AUTHORIZATION,
                hint=f"Send {action} without this header, or through a gateway.",
            )
        return sender


def check_only_gateway(gateway: SubscriberRecord, *, role: Role) -> None:
    """Refuse a gateway what another one passed on: it could go round for ever. Raises: PassedOnBefore."""
    if role is Role.BG:
        raise PassedOnBefore(
            f"{gateway.subscriber_id} has passed the message on, and this is a gateway itself",
            path=GATEWAY_AUTHORIZATION,
            hint="Pass it on to sellers' and buyers' platforms only.",
        )
