"""Forecasts as they are uploaded: the lines of a CSV file, or the intervals of a JSON body."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bpp.catalog.csv_table import separator_of
from bpp.catalog_file.availability import MOST_INTERVALS, ProfileEntry
from bpp.catalog_file.reader import text_of
from kernel.errors import NodeError
from schemas.forms.faults import faults_of
from trading.availability.buckets import Bucket, in_order

_COLUMNS: Final = ("start", "end", "kwh")


class ForecastInvalid(NodeError):
    """A forecast cannot be read; nothing of it is taken."""

    code, http_status, retryable = "BPP_FORECAST_INVALID", 422, False

    def __str__(self) -> str:
        """Return message and hint; where it is stands in the message."""
        return str(NodeError(self.message, hint=self.hint))


class ForecastForm(BaseModel):
    """What there will be in each of some intervals, which share no time."""

    model_config = ConfigDict(extra="forbid")

    intervals: Annotated[list[ProfileEntry], Field(min_length=1, max_length=MOST_INTERVALS)]


def buckets_of(entries: Mapping[str, ProfileEntry]) -> tuple[Bucket, ...]:
    """Return the intervals of a forecast by their time; `entries` have the places where they stand.

    Raises: ForecastInvalid.
    """
    buckets: list[Bucket] = []
    for place, entry in entries.items():
        try:
            buckets.append(entry.to_domain())
        except ValueError as error:  # it ends before it starts
            raise ForecastInvalid(f"{place}: {error}", path=place) from error
    try:
        return in_order(buckets)
    except ValueError as error:
        raise ForecastInvalid(str(error), hint="Say once what there is at a time.") from error


def form_buckets(form: ForecastForm) -> tuple[Bucket, ...]:
    """Return the intervals of a form. Raises: ForecastInvalid."""
    return buckets_of({f"intervals.{place}": entry for place, entry in enumerate(form.intervals)})


def load_forecast(path: Path) -> tuple[Bucket, ...]:
    """Return the intervals of a CSV file. Raises: CatalogueInvalid, ForecastInvalid, with file and line."""
    return read_forecast(text_of(path, "forecast"), name=str(path))


def read_forecast(text: str, *, name: str) -> tuple[Bucket, ...]:
    """Return the intervals of a CSV text with the columns start, end and kwh. Raises: ForecastInvalid."""
    plain = text.removeprefix("\ufeff")
    lines = csv.reader(StringIO(plain), strict=True, delimiter=separator_of(plain))
    entries: dict[str, ProfileEntry] = {}
    try:
        heading = [cell.strip().lower() for cell in next(lines, [])]
        if sorted(heading) != sorted(_COLUMNS):
            raise ForecastInvalid(
                f"{name}: line 1: the columns are {', '.join(heading) or 'none'}",
                path="line 1",
                hint=f"A forecast has the columns {', '.join(_COLUMNS)}.",
            )
        for cells in lines:
            if any(cell.strip() for cell in cells):
                place = f"{name}: line {lines.line_num}"
                entries[place] = _entry(heading, cells, place)
    except csv.Error as error:
        raise ForecastInvalid(f"{name}: line {lines.line_num}: {error}") from error
    if not 0 < len(entries) <= MOST_INTERVALS:
        raise ForecastInvalid(
            f"{name}: there are {len(entries)} intervals", hint=f"Write 1 to {MOST_INTERVALS}."
        )
    return buckets_of(entries)


def _entry(heading: Sequence[str], cells: Sequence[str], place: str) -> ProfileEntry:
    if len(cells) != len(heading):
        raise ForecastInvalid(f"{place}: there are {len(cells)} cells and {len(heading)} columns", path=place)
    try:
        return ProfileEntry.model_validate(
            {name: cell.strip() for name, cell in zip(heading, cells, strict=True)}
        )
    except ValidationError as error:
        first = faults_of(error.errors(), form=ProfileEntry)[0]
        column = ".".join(map(str, first.steps))
        raise ForecastInvalid(f"{place}: {column}: {first.message}", path=place, hint=first.hint) from error
