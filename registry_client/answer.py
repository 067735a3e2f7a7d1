"""What was learnt about one key, and until when that may be relied on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from protocol.errors import KeyExpired, KeyUnknown, SubscriberUnknown
from registry_client.subscriber import SubscriberRecord, SubscriberStatus

_WHERE: Final = "header Authorization, keyId"
_NAMED_KEYS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAnswer:
    """The records of one key, the newest first; none when there is no such key.

    `other_keys` are keys of the same subscriber that were learnt of along the way. An empty
    `subscriber` means a key that is named by its record: whose it is says the record. An answer that
    was prolonged because nobody could be asked has been `fresh_until` an earlier instant.
    """

    subscriber: str
    key_id: str
    records: tuple[SubscriberRecord, ...]
    other_keys: tuple[str, ...]
    until: datetime
    fresh_until: datetime | None = None

    @classmethod
    def of(
        cls,
        found: Sequence[SubscriberRecord],
        *,
        subscriber: str,
        key_id: str,
        now: datetime,
        cache_for: timedelta,
        negative_for: timedelta,
    ) -> KeyAnswer:
        """Return what `found` says about the key.

        It holds for `cache_for`, but never beyond the end of a key that is valid now; for
        `negative_for` when no key is.
        """
        if subscriber:
            own = [record for record in found if record.subscriber_id == subscriber]
            named = [record for record in own if record.key_id == key_id]
        else:
            own = named = list(found)
        records = tuple(sorted(named, key=lambda record: record.began_at, reverse=True))
        valid = [record for record in records if record.is_valid_at(now)]
        return cls(
            subscriber=subscriber,
            key_id=key_id,
            records=records,
            other_keys=tuple(sorted({record.key_id for record in own if record not in named})),
            until=min([now + (cache_for if valid else negative_for), *_ends(valid)]),
        )

    @property
    def was_fresh_until(self) -> datetime:
        """Until when the directory's word held by itself."""
        return self.fresh_until or self.until

    def prolonged(self, until: datetime) -> KeyAnswer:
        """Return the answer as it is relied on until `until` because the directory is away.

        Never beyond the end of one of its keys.
        """
        fresh_until = self.was_fresh_until
        ends = [end for end in _ends(self.records) if end > fresh_until]
        return replace(self, until=min([until, *ends]), fresh_until=fresh_until)

    def is_about(self, *, subscriber: str, key_id: str) -> bool:
        """Say whether this is what is known of that key, under whichever name it was asked for."""
        return (self.subscriber, self.key_id) == (subscriber, key_id) or any(
            (record.subscriber_id, record.key_id) == (subscriber, key_id) for record in self.records
        )

    def find_valid(self, at: datetime) -> SubscriberRecord | None:
        """Return the newest record that was valid at `at`, or None."""
        for record in self.records:
            if record.is_valid_at(at):
                return record
        return None

    def get_valid(self, at: datetime) -> SubscriberRecord:
        """Return the newest record that was valid at `at`.

        Raises: SubscriberUnknown, KeyUnknown, KeyExpired.
        """
        if record := self.find_valid(at):
            return record
        if self.records:
            raise _expired(self.records[0], at)
        if not self.subscriber:
            raise KeyUnknown(
                f"the registry has no record {self.key_id!r} that names a subscriber's key",
                path=_WHERE,
                hint="Sign with {subscriber}|{key}|ed25519, or publish the record.",
            )
        if self.other_keys:
            raise KeyUnknown(
                f"the registry knows {self.subscriber}, but not with the key {self.key_id!r}",
                path=_WHERE,
                hint=f"Its keys are {_some(self.other_keys)}.",
            )
        raise SubscriberUnknown(
            f"the registry knows no subscriber {self.subscriber!r}",
            path=_WHERE,
            hint="Sign with the subscriber id and the key id that the registry holds.",
        )

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON, for other processes."""
        return {
            "subscriber": self.subscriber,
            "key_id": self.key_id,
            "records": [record.to_wire() for record in self.records],
            "until": format_instant(self.until),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> KeyAnswer:
        """Read what `to_json` wrote.

        Raises: ValueError, KeyError or TypeError for anything else.
        """
        return cls(
            subscriber=content["subscriber"],
            key_id=content["key_id"],
            records=tuple(SubscriberRecord.from_wire(record) for record in content["records"]),
            other_keys=(),
            until=parse_instant(content["until"]),
        )


def _ends(records: Iterable[SubscriberRecord]) -> list[datetime]:
    return [record.valid_until for record in records if record.valid_until]


def _expired(record: SubscriberRecord, at: datetime) -> KeyExpired:
    name = f"the key {record.key_id!r} of {record.subscriber_id}"
    if record.valid_from and at < record.valid_from:
        why, hint = f"is valid only from {format_instant(record.valid_from)} on", "Sign with an older key."
    elif record.valid_until and at >= record.valid_until:
        why, hint = f"ended at {format_instant(record.valid_until)}", "Register a new key and sign with it."
    else:
        why, hint = f"stands as {record.status} in the registry", f"It must be {SubscriberStatus.SUBSCRIBED}."
    return KeyExpired(f"{name} {why}", path=_WHERE, hint=hint)


def _some(keys: tuple[str, ...]) -> str:
    named = ", ".join(repr(key) for key in keys[:_NAMED_KEYS])
    return named if len(keys) <= _NAMED_KEYS else f"{named} and {len(keys) - _NAMED_KEYS} more"
