"""How a subscription stands, as its registry tells the subscriber: status, reason, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kernel.clock import parse_instant
from kernel.plain_text import one_line
from protocol.ed25519 import PublicKey
from protocol.keys import KeyUnreadable, read_public_key
from registry_client.subscriber import KEY_NAMES, SubscriberStatus

_OVER: Final = frozenset(
    {SubscriberStatus.INVALID_SSL, SubscriberStatus.EXPIRED, SubscriberStatus.UNSUBSCRIBED}
)
_APPROVAL: Final = "approval"
_STOPPED: Final = frozenset({"failed", "rejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The status of a key's subscription, since when, and why; `hint` is what the subscriber can do.

    `status` is None where the registry uses a word that nobody knows; `step` is what comes next, where
    the registry says so.
    """

    status: SubscriberStatus | None
    since: datetime | None = None
    reason: str | None = None
    hint: str | None = None
    step: str | None = None

    @property
    def is_in(self) -> bool:
        """Say whether peers find the key now."""
        return self.status is SubscriberStatus.SUBSCRIBED

    @property
    def awaits_approval(self) -> bool:
        """Say whether only the word of the registry's operator is missing."""
        return self.step == _APPROVAL

    @property
    def is_over(self) -> bool:
        """Say whether waiting alone changes nothing any more."""
        return self.step in _STOPPED or (self.step is None and self.status in _OVER)

    @classmethod
    def from_wire(cls, content: Mapping[str, Any], *, key_id: str, key: PublicKey) -> Standing:
        """Read the registry's answer; what it says of this very key goes before the rest.

        What is asked for is told before what stands: it is the later word.
        """
        entry = _of_key(content.get("requests"), key_id, key) or _of_key(content.get("keys"), key_id, key)
        told = {**content, "reason": None, "hint": None, **entry} if entry else content
        return cls(
            status=_status(told.get("status")),
            since=_instant(told.get("since") or told.get("updated")),
            reason=_text(told.get("reason")),
            hint=_text(told.get("hint")),
            step=_text(told.get("step")),
        )


def _of_key(entries: object, key_id: str, key: PublicKey) -> Mapping[str, Any]:
    for entry in entries if isinstance(entries, list) else ():
        if (
            isinstance(entry, Mapping)
            and key_id in {entry.get(name) for name in KEY_NAMES}
            and _is_key(entry.get("signing_public_key"), key)
        ):
            return entry
    return {}


def _is_key(text: object, key: PublicKey) -> bool:
    """Say whether an entry is of `key`; one that names none may be."""
    try:
        return not isinstance(text, str) or read_public_key(text) == key
    except KeyUnreadable:
        return False


def _status(value: object) -> SubscriberStatus | None:
    try:
        return SubscriberStatus(str(value).upper())
    except ValueError:
        return None


def _instant(value: object) -> datetime | None:
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _text(value: object) -> str | None:
    return one_line(value) if isinstance(value, str) and value else None
