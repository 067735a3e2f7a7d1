"""A directory that is written down: for closed pilots, where everybody knows everybody."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import yaml

from registry_client.ports import Wanted
from registry_client.subscriber import RecordUnreadable, SubscriberRecord


class DirectoryUnreadable(ValueError):
    """The file of subscribers cannot be read."""


class StaticDirectory:
    """Knows the subscribers it was given, and no others."""

    finds_every_key: bool = True

    def __init__(self, records: Iterable[SubscriberRecord]) -> None:
        self._records = tuple(records)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Return the directory in a YAML or JSON file: a list of records, or `subscribers:` with one.

        Raises: DirectoryUnreadable, naming the entry and its field.
        """
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise DirectoryUnreadable(f"{path} cannot be read: {error}") from error
        entries = content.get("subscribers") if isinstance(content, dict) else content
        if not isinstance(entries, list):
            raise DirectoryUnreadable(f"{path} holds no list of subscribers")
        return cls(_read_entry(path, number, entry) for number, entry in enumerate(entries, start=1))

    async def find(self, wanted: Wanted, /) -> list[SubscriberRecord]:
        """Return the records that are `wanted`."""
        return [record for record in self._records if wanted.fits(record)]

    async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
        """Return every record of the subscriber."""
        return await self.find(Wanted(subscriber_id=subscriber_id))

    async def close(self) -> None:
        """Do nothing: there is nothing open."""


def _read_entry(path: Path, number: int, entry: Any) -> SubscriberRecord:  # noqa: ANN401  straight from YAML
    if not isinstance(entry, dict):
        raise DirectoryUnreadable(f"{path}, entry {number} is no record")
    try:
        return SubscriberRecord.from_wire(entry)
    except RecordUnreadable as error:
        raise DirectoryUnreadable(f"{path}, entry {number}: {error}") from error
