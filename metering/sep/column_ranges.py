"""The ranges of 2030.5's types, for readings as columns."""

from __future__ import annotations

from metering.reading_columns import ReadingColumns
from metering.sep.elements import INT48, UINT8, UINT32


def are_in_range(columns: ReadingColumns) -> bool:
    """Say whether every number is one that its type can hold."""
    return bool(
        columns.duration.max() <= UINT32.greatest
        and columns.value.max() <= INT48.greatest
        and columns.value.min() >= INT48.least
        and columns.tou_tier.max() <= UINT8.greatest
        and columns.consumption_block.max() <= UINT8.greatest
    )
