"""What the key ring needs of whoever knows the subscribers, and of whoever remembers their keys."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from registry_client.answer import KeyAnswer
from registry_client.subscriber import Place, SubscriberRecord, SubscriberRole


class Wanted(NamedTuple):
    """What records are looked for; what is None may be anything."""

    subscriber_id: str | None = None
    key_id: str | None = None
    role: SubscriberRole | None = None
    domain: str | None = None
    place: Place | None = None

    def fits(self, record: SubscriberRecord) -> bool:
        """Say whether `record` has all that is wanted; one that names no place serves them all."""
        return (
            self.subscriber_id in (None, record.subscriber_id)
            and self.key_id in (None, record.key_id)
            and self.role in (None, record.role)
            and self.domain in (None, record.domain)
            and (self.place is None or record.place is None or record.place.serves(self.place))
        )


class SubscriberDirectory(Protocol):
    """Knows the subscribers of a network."""

    @property
    def finds_every_key(self) -> bool:
        """Whether `find_key` brings all keys of the subscriber along, so that none means a stranger."""
        ...

    async def find(self, wanted: Wanted, /) -> list[SubscriberRecord]:
        """Return the records that are `wanted`, valid or not.

        Raises: RegistryUnavailable; DirectoryCannotSearch, from one that finds by name only.
        """
        ...

    async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
        """Return that key's records, asking once.

        Records of the subscriber's other keys may come along: then a caller can tell an unknown
        key from an unknown subscriber. An empty `subscriber_id` asks for the key that is named by
        its record, `{namespace}/{registry}/{record}`; whose it is says the record found.
        Raises: RegistryUnavailable.
        """
        ...


class OpenDirectory(SubscriberDirectory, Protocol):
    """A directory that may hold connections."""

    async def close(self) -> None:
        """Let go of what is open."""
        ...


class KeyAnswerStore(Protocol):
    """Remembers what was learnt about keys beyond the life of a process.

    Never in the way: when it cannot be asked, it knows nothing.
    """

    async def find(self, *, subscriber: str, key_id: str) -> KeyAnswer | None:
        """Return what is remembered of the key, however old, or None."""
        ...

    async def put(self, answer: KeyAnswer, *, now: datetime) -> None:
        """Remember `answer` in place of what was known of the key."""
        ...

    async def forget(self, *, subscriber: str, key_id: str) -> None:
        """Know nothing of the key any more."""
        ...
