"""The directory of a DeDi registry: one record under one path.

A key is found by its subscriber, `GET {base}/lookup/{subscriber}/{registry}/{key}`, or by the name of its
record, `GET {base}/lookup/{namespace}/{registry}/{record}`. A namespace belongs to whoever owns the
domain of that name, and anybody may write what he likes into his own: so a record speaks for the
subscriber that its namespace is named after, and for nobody else, unless the operator trusts the
namespace to speak for others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import structlog

from kernel.errors import NodeError
from registry_client.answer_signature import RegistryTrust
from registry_client.bounded import Bounded
from registry_client.connection import ConnectionLimits, RegistryConnection
from registry_client.dedi_record import DediName, read_record, read_records
from registry_client.ports import Wanted
from registry_client.subscriber import SubscriberRecord

log = structlog.get_logger(__name__)

_PLAIN: Final = ":@"  # what names of records hold and paths need not escape
_DOTS: Final = (".", "..")
_MAX_SEEN: Final = 10_000


class DirectoryCannotSearch(NodeError):
    """The directory finds subscribers by name only."""

    code, http_status, retryable = "NET_NOT_IMPLEMENTED", 501, False


class DediClient:
    """Asks a DeDi registry over HTTP, each time anew; the key ring remembers."""

    finds_every_key: bool = False

    def __init__(
        self,
        base_url: str,
        *,
        registry: str,
        speaking_for_others: Collection[str] = (),
        limits: ConnectionLimits | None = None,
        trust: RegistryTrust | None = None,
    ) -> None:
        """Point at `base_url`, below which `/lookup` lies; `registry` is the list that keys stand in.

        `speaking_for_others` are the namespaces whose records are believed whoever they name.
        Raises: RegistryUrlInvalid.
        """
        self._connection = RegistryConnection(base_url, limits=limits, trust=trust)
        self._registry = registry
        self._speaking_for_others = frozenset(speaking_for_others)
        self._is_signed = trust is not None and bool(trust.keys)
        self._seen: Bounded[str, SubscriberRecord] = Bounded(_MAX_SEEN)

    async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
        """Return the key's record, if there is one that speaks for its subscriber.

        Raises: RegistryUnavailable, also for an answer that cannot be read.
        """
        name = DediName(subscriber_id, self._registry, key_id) if subscriber_id else DediName.parse(key_id)
        if name is None or not all(map(_is_plain, name)):
            return []
        content = await self._ask("lookup", *name)
        if content is None:
            return []
        record = read_record(content, name=name, must_name_itself=self._is_signed)
        if record is None:
            raise self._connection.unavailable("gave no record that can be read")
        if not self._may_speak(name, record.subscriber_id):
            log.warning("registry.record_disbelieved", record="/".join(name), of=record.subscriber_id)
            return []
        if subscriber_id:
            record = replace(record, key_id=key_id)
        self._seen.remember(record.subscriber_id, record)
        return [record]

    async def find(self, wanted: Wanted, /) -> list[SubscriberRecord]:
        """Return the records of one subscriber that are `wanted`.

        Where the registry gives no list of them, it is the record that was last looked up.
        Raises: RegistryUnavailable; DirectoryCannotSearch, if no subscriber is named.
        """
        if not wanted.subscriber_id:
            raise DirectoryCannotSearch(
                "a DeDi registry is not searched by role, domain or place",
                hint="Name the subscriber, or set DEGNODE_GATEWAY.",
            )
        if wanted.key_id:
            found = await self.find_key(subscriber_id=wanted.subscriber_id, key_id=wanted.key_id)
        else:
            found = await self._list(wanted.subscriber_id)
        return [record for record in found if wanted.fits(record)]

    async def close(self) -> None:
        """Close the connections to the registry."""
        await self._connection.close()

    async def _list(self, subscriber_id: str) -> list[SubscriberRecord]:
        if not _is_plain(subscriber_id):
            return []
        content = await self._ask("query", subscriber_id, self._registry)
        listed = (
            [] if content is None else read_records(content, name=DediName(subscriber_id, self._registry, ""))
        )
        seen = self._seen.get(subscriber_id)
        return listed or ([] if seen is None else [seen])

    def _may_speak(self, name: DediName, subscriber_id: str) -> bool:
        if name.namespace in self._speaking_for_others:
            return True
        return name.namespace == subscriber_id and name.registry == self._registry

    async def _ask(self, what: str, *parts: str) -> Mapping[str, Any] | None:
        """Return the `data` at a path, None where there is nothing."""
        path = "/".join(quote(part, safe=_PLAIN) for part in parts)
        answer = await self._connection.get(f"/{what}/{path}")
        if answer.status == 404:
            return None
        data = answer.content.get("data") if isinstance(answer.content, dict) else None
        if answer.status != 200 or not isinstance(data, dict):
            raise self._connection.unavailable(f"gave no record (HTTP {answer.status})")
        return data


def _is_plain(part: str) -> bool:
    """Say whether a part of a name leads nowhere else in a path, however often it is decoded."""
    return part not in _DOTS and not set(part) & set("/\\%")
