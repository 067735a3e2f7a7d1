"""The items of one generation of the wire, as JSON, with what was found out about their paths.

A column is made when a filter first names its path, and kept: of the many that strangers may name, only
the last ones. It is one thread at a time that works with them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson

from search.columns import Column
from search.paths import Path, value_at, values_at
from search.sites import Sites, shapes_among

MOST_COLUMNS: Final = 32
"""How many are kept: one over 100,000 items takes from 1 to 20 MiB."""
MOST_SITES: Final = 4

K = TypeVar("K")
V = TypeVar("V")


class Items:
    """Items by row, each as the bytes of a JSON object."""

    def __init__(self, written: Iterable[bytes]) -> None:
        self._written = list(written)
        self._columns: OrderedDict[Path, Column] = OrderedDict()
        self._sites: OrderedDict[tuple[Path, ...], Sites] = OrderedDict()

    def __len__(self) -> int:
        return len(self._written)

    def read(self, row: int) -> dict[str, Any]:
        """Return an item."""
        item: dict[str, Any] = orjson.loads(self._written[row])
        return item

    def written(self, row: int) -> bytes:
        """Return an item as it is written."""
        return self._written[row]

    def replace(self, row: int, written: bytes) -> None:
        """Let another item, which is at the same place, stand in a row."""
        self._written[row] = written
        item = self.read(row)
        for path, column in self._columns.items():
            column.put(row, value_at(item, path))

    def columns(self, paths: Iterable[Path]) -> Mapping[Path, Column]:
        """Return what stands at each of the paths; those that are new are made in one pass."""
        wanted = list(dict.fromkeys(paths))
        missing = [path for path in wanted if path not in self._columns]
        if missing:
            values: list[list[object]] = [[] for _ in missing]
            for row in range(len(self)):
                item = self.read(row)
                for found, path in zip(values, missing, strict=True):
                    found.append(value_at(item, path))
            for path in missing:
                self._columns[path] = Column(values.pop(0))
        columns = {path: self._columns[path] for path in wanted}
        _keep_last(self._columns, wanted, most=MOST_COLUMNS)
        return columns

    def sites(self, paths: Sequence[Path]) -> Sites:
        """Return the geometries that the paths lead to."""
        key = tuple(paths)
        if key not in self._sites:
            self._sites[key] = Sites(
                shapes_among(value for path in key for value in values_at(item, path))
                for item in map(self.read, range(len(self)))
            )
        sites = self._sites[key]
        _keep_last(self._sites, [key], most=MOST_SITES)
        return sites


def _keep_last(kept: OrderedDict[K, V], used: Iterable[K], *, most: int) -> None:
    for key in used:
        kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
