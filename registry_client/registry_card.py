"""What a registry says of itself: its name, its keys, how it encrypts challenges, who approves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from kernel.plain_text import one_line
from protocol.ed25519 import PublicKey
from protocol.keys import KeyUnreadable, read_public_key
from protocol.x25519 import EncryptionPublicKey, read_encryption_public_key
from registry_client.challenge import ChallengeScheme
from registry_client.subscriber import KEY_NAMES

_GROUP: Final = 4  # characters
_SHOWN_BYTES: Final = 16


class CardUnreadable(ValueError):
    """What a registry says of itself cannot be read."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryCard:
    """The particulars of a registry. A key that it does not name is None."""

    subscriber_id: str
    key_id: str | None
    signing_key: PublicKey | None
    encryption_key: EncryptionPublicKey | None
    scheme: ChallengeScheme | None = None
    approval: str | None = None
    network_id: str | None = None

    @classmethod
    def from_wire(cls, content: Mapping[str, Any]) -> RegistryCard:
        """Read the card, or the registry's own entry in a look-up, which has the same fields.

        Raises: CardUnreadable.
        """
        subscriber_id = _text(content, "subscriber_id")
        if subscriber_id is None:
            raise CardUnreadable("subscriber_id", "is missing")
        key_ids = (_text(content, name) for name in KEY_NAMES)
        return cls(
            subscriber_id=subscriber_id,
            key_id=next(filter(None, key_ids), None),
            signing_key=_signing_key(content),
            encryption_key=_encryption_key(content),
            scheme=_scheme(content),
            approval=_text(content, "approval"),
            network_id=_text(content, "network_id"),
        )


def fingerprint(key: PublicKey) -> str:
    """Return what people compare by eye: the first 16 bytes of the SHA-256 of `key`, in groups of four."""
    digits = sha256(key.raw).hexdigest()[: 2 * _SHOWN_BYTES]
    return " ".join(digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP))


def _text(content: Mapping[str, Any], field: str) -> str | None:
    value = content.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise CardUnreadable(field, f"is {type(value).__name__}, not text")
    return one_line(value)


def _signing_key(content: Mapping[str, Any]) -> PublicKey | None:
    text = _text(content, "signing_public_key")
    try:
        return None if text is None else read_public_key(text)
    except KeyUnreadable as error:
        raise CardUnreadable("signing_public_key", f"cannot be read: {error}") from error


def _encryption_key(content: Mapping[str, Any]) -> EncryptionPublicKey | None:
    text = _text(content, "encr_public_key")
    try:
        return None if text is None else read_encryption_public_key(text)
    except KeyUnreadable as error:
        raise CardUnreadable("encr_public_key", f"cannot be read: {error}") from error


def _scheme(content: Mapping[str, Any]) -> ChallengeScheme | None:
    text = _text(content, "challenge_scheme")
    if text is None:
        return None
    try:
        return ChallengeScheme(text)
    except ValueError as error:
        known = ", ".join(ChallengeScheme)
        raise CardUnreadable("challenge_scheme", f"is {text!r}, not one of {known}") from error
