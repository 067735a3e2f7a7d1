"""Resources and offers from CSV: THE TABLE of the columns, and what becomes of them.

A line puts the entry of its id beside the others, or changes the one that has the id: a cell that is
empty leaves what is there.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from bpp.catalog.changes import Kind
from bpp.catalog.document import Document
from bpp.catalog_file.reader import CatalogueInvalid, text_of

_RESOURCES: Final = {
    **{name: (name,) for name in ("id", "provider", "name", "source_type", "delivery_mode", "meter")},
    **{name: (name,) for name in ("inverter", "available_kwh")},
    "production_start": ("production", "start"),
    "production_end": ("production", "end"),
    "lat": ("location", "lat"),
    "lon": ("location", "lon"),
}
_OFFERS: Final = {
    **{name: (name,) for name in ("id", "name", "resource", "currency", "price_per_kwh", "zone")},
    **{name: (name,) for name in ("minimum_kwh", "maximum_kwh", "pricing_model", "settlement_type")},
    **{name: (name,) for name in ("billing_period", "payment", "metering_minutes", "share_percent")},
    "validity_start": ("validity", "start"),
    "validity_end": ("validity", "end"),
    "window_start": ("window", "start"),
    "window_end": ("window", "end"),
}
COLUMNS: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {Kind.RESOURCE: _RESOURCES, Kind.OFFER: _OFFERS}
)
"""Of each kind of file its columns, and where in an entry they stand."""
_TELLING: Final = {"provider": Kind.RESOURCE, "resource": Kind.OFFER}
"""Columns that only one kind of file has."""


class CsvEntries(NamedTuple):
    """What a CSV file holds: entries of one kind, as far as they are written."""

    kind: Kind
    entries: list[Document]


def load_csv(path: Path) -> CsvEntries:
    """Return the entries of a CSV file. Raises: CatalogueInvalid, with file, line and column."""
    return read_csv(text_of(path, "table"), name=str(path))


def read_csv(text: str, *, name: str) -> CsvEntries:
    """Return the entries of a CSV text with a heading. Raises: CatalogueInvalid."""
    plain = text.removeprefix("\ufeff")
    lines = csv.reader(StringIO(plain), strict=True, delimiter=separator_of(plain))
    entries: list[Document] = []
    places: dict[str, int] = {}
    try:
        heading = [cell.strip().lower() for cell in next(lines, [])]
        kind = _kind_of(heading, name)
        for cells in lines:
            line, where = lines.line_num, f"{name}: line {lines.line_num}"
            if not _is_whole(cells, heading, where):
                continue
            entry = _entry(dict(zip(heading, cells, strict=False)), kind, where)
            if (first := places.setdefault(entry["id"], line)) != line:
                raise CatalogueInvalid(
                    f"{where}: the id {entry['id']!r} is there twice, first in line {first}",
                    hint="Write one line for each id.",
                )
            entries.append(entry)
    except csv.Error as error:
        raise CatalogueInvalid(f"{name}: line {lines.line_num}: {error}") from error
    return CsvEntries(kind, entries)


def separator_of(text: str) -> str:
    """Return what stands between the cells: spreadsheets write semicolons where commas are decimal."""
    heading = text.partition("\n")[0]
    return "," if "," in heading else next((mark for mark in ";\t" if mark in heading), ",")


def _kind_of(heading: list[str], name: str) -> Kind:
    kinds = [kind for column, kind in _TELLING.items() if column in heading]
    if len(kinds) != 1:
        raise CatalogueInvalid(
            f"{name}: line 1: the heading tells neither resources nor offers",
            path="line 1",
            hint=f"Resources have the columns {', '.join(_RESOURCES)}; offers {', '.join(_OFFERS)}.",
        )
    known = COLUMNS[kinds[0]]
    odd = [column for column in heading if column not in known or heading.count(column) > 1]
    if odd or "id" not in heading:
        what = f"the column {odd[0]!r} is unknown, or there twice" if odd else "there is no column id"
        raise CatalogueInvalid(
            f"{name}: line 1: {what}", path="line 1", hint=f"There are {', '.join(known)}."
        )
    return kinds[0]


def _is_whole(cells: list[str], heading: list[str], where: str) -> bool:
    """Say whether a line holds anything. Raises: CatalogueInvalid, if it has another number of cells."""
    if not any(cell.strip() for cell in cells):
        return False
    if len(cells) != len(heading):
        raise CatalogueInvalid(f"{where}: there are {len(cells)} cells and {len(heading)} columns")
    return True


def _entry(cells: Mapping[str, str], kind: Kind, where: str) -> Document:
    entry: Document = {}
    for column, cell in cells.items():
        if not (value := cell.strip()):
            continue
        *outer, key = COLUMNS[kind][column]
        place = entry
        for step in outer:
            place = place.setdefault(step, {})
        place[key] = value
    if "id" not in entry:
        raise CatalogueInvalid(f"{where}: the id is empty", hint="Give each line the id of its entry.")
    return entry
