"""What a registry says about a subscriber and one of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from kernel.clock import format_instant, parse_instant, utc
from protocol.ed25519 import PublicKey
from protocol.keys import KeyUnreadable, read_public_key, write_public_key

KEY_NAMES: Final = ("key_id", "unique_key_id", "ukId")
"""What registries call the name of a key: the specification, BECKN-006, ONDC."""

_SCHEMES: Final = ("https://", "http://")
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class SubscriberRole(StrEnum):
    """What a subscriber is on the network; `type` on the wire."""

    BAP = "BAP"
    BPP = "BPP"
    BG = "BG"


class SubscriberStatus(StrEnum):
    """How a subscription stands. Source: Beckn registry API 1.1, Subscription.status."""

    INITIATED = "INITIATED"
    UNDER_SUBSCRIPTION = "UNDER_SUBSCRIPTION"
    SUBSCRIBED = "SUBSCRIBED"
    EXPIRED = "EXPIRED"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    INVALID_SSL = "INVALID_SSL"


class Place(NamedTuple):
    """Codes of a country (`IND`) and of a city (`std:080`); None for any, as is `*`.

    Source: Beckn 1.1, Location.
    """

    country: str | None = None
    city: str | None = None

    def serves(self, place: Place) -> bool:
        """Say whether whoever serves here serves somebody at `place`."""
        return self.country in (None, place.country) and self.city in (None, place.city)

    @classmethod
    def from_wire(cls, location: object) -> Place | None:
        """Read the codes of a `location`; None for one that has none."""
        if not isinstance(location, Mapping):
            return None
        place = cls(country=_code(location.get("country")), city=_code(location.get("city")))
        return place if any(place) else None

    def to_wire(self) -> dict[str, dict[str, str]]:
        """Return the `location`."""
        parts = (("country", self.country), ("city", self.city))
        return {name: {"code": code} for name, code in parts if code is not None}


class RecordUnreadable(ValueError):
    """A registry's record lacks what is needed, or holds what nobody can read."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field} {why}")
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberRecord:
    """One key of one subscriber, and when it may be believed: in `[valid_from, valid_until)`.

    A bound that is None is open. `encr_public_key` is base64, as the registry holds it.
    `network_memberships` are the networks that it is a member of, None where the directory does not
    say; `place` is where it serves, None for everywhere.
    """

    subscriber_id: str
    key_id: str
    signing_public_key: PublicKey
    url: str | None = None
    role: SubscriberRole | None = None
    domain: str | None = None
    encr_public_key: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    status: SubscriberStatus = SubscriberStatus.SUBSCRIBED
    network_memberships: tuple[str, ...] | None = None
    place: Place | None = None

    @property
    def endpoint(self) -> str | None:
        """Return the URL that messages go to, without a final slash; None if there is no http URL."""
        is_reachable = self.url is not None and self.url.startswith(_SCHEMES)
        return str(self.url).rstrip("/") if is_reachable else None

    @property
    def began_at(self) -> datetime:
        """Return when the key began to count; a start that is open lies before all others."""
        return self.valid_from or _LONG_AGO

    def is_valid_at(self, instant: datetime) -> bool:
        """Say whether what this key signed at `instant` may be believed."""
        return (
            self.status is SubscriberStatus.SUBSCRIBED
            and (self.valid_from is None or self.valid_from <= instant)
            and (self.valid_until is None or instant < self.valid_until)
        )

    @classmethod
    def from_wire(cls, record: Mapping[str, Any]) -> SubscriberRecord:
        """Read a `Subscription`; only the subscriber, its key and the key's name must be there.

        Raises: RecordUnreadable, naming the field.
        """
        return cls(
            subscriber_id=_required(record, "subscriber_id"),
            key_id=_key_id(record),
            signing_public_key=_signing_key(record),
            url=_text(record, "url"),
            role=_role(record),
            domain=_text(record, "domain"),
            encr_public_key=_text(record, "encr_public_key"),
            valid_from=_instant(record, "valid_from"),
            valid_until=_instant(record, "valid_until"),
            status=_status(record),
            network_memberships=_memberships(record),
            place=Place.from_wire(record.get("location")),
        )

    def to_wire(self) -> dict[str, Any]:
        """Return the `Subscription` with the key's name under both of its snake_case names."""
        fields = {
            "subscriber_id": self.subscriber_id,
            "key_id": self.key_id,
            "unique_key_id": self.key_id,
            "signing_public_key": write_public_key(self.signing_public_key),
            "url": self.url,
            "type": self.role and self.role.value,
            "domain": self.domain,
            "encr_public_key": self.encr_public_key,
            "valid_from": self.valid_from and format_instant(self.valid_from),
            "valid_until": self.valid_until and format_instant(self.valid_until),
            "status": self.status.value,
            "location": self.place and self.place.to_wire(),
        }
        written: dict[str, Any] = {name: value for name, value in fields.items() if value}
        if self.network_memberships is not None:
            written["network_memberships"] = list(self.network_memberships)
        return written


def _code(area: object) -> str | None:
    code = area.get("code") if isinstance(area, Mapping) else None
    return code if isinstance(code, str) and code not in ("", "*") else None


def _text(record: Mapping[str, Any], field: str) -> str | None:
    value = record.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise RecordUnreadable(field, f"is {type(value).__name__}, not text")
    return value


def _required(record: Mapping[str, Any], field: str) -> str:
    value = _text(record, field)
    if value is None:
        raise RecordUnreadable(field, "is missing")
    return value


def _key_id(record: Mapping[str, Any]) -> str:
    for name in KEY_NAMES:
        if value := _text(record, name):
            return value
    raise RecordUnreadable("key_id", "is missing, and so are unique_key_id and ukId")


def _signing_key(record: Mapping[str, Any]) -> PublicKey:
    try:
        return read_public_key(_required(record, "signing_public_key"))
    except KeyUnreadable as error:
        raise RecordUnreadable("signing_public_key", f"cannot be read: {error}") from error


def _role(record: Mapping[str, Any]) -> SubscriberRole | None:
    text = _text(record, "type")
    if text is None:
        return None
    try:
        return SubscriberRole(text.upper())
    except ValueError as error:
        raise RecordUnreadable("type", f"is {text!r}, not one of {', '.join(SubscriberRole)}") from error


def _status(record: Mapping[str, Any]) -> SubscriberStatus:
    text = _text(record, "status")
    if text is None:
        return SubscriberStatus.SUBSCRIBED
    try:
        return SubscriberStatus(text.upper())
    except ValueError as error:
        raise RecordUnreadable("status", f"is {text!r}, not one of {', '.join(SubscriberStatus)}") from error


def _memberships(record: Mapping[str, Any]) -> tuple[str, ...] | None:
    value = record.get("network_memberships")
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise RecordUnreadable("network_memberships", "is no list of names")
    return tuple(value)


def _instant(record: Mapping[str, Any], field: str) -> datetime | None:
    if isinstance(value := record.get(field), datetime):  # YAML reads instants by itself
        return _aware(field, value)
    text = _text(record, field)
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise RecordUnreadable(field, f"is {text!r}, no instant with a time zone") from error


def _aware(field: str, value: datetime) -> datetime:
    try:
        return utc(value)
    except ValueError as error:
        raise RecordUnreadable(field, f"cannot be read: {error}") from error
