"""Documents that differ only in their readings: what stands around those is read once, and then known.

A meter writes the same words around its readings every day. Once its runs of plain readings are lifted out,
what is left of a document is the same bytes again, and means the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from metering.documents import MirrorDocument, MirrorMeterReading
from metering.reading_columns import ReadingColumns
from registry_client.bounded import Bounded

_MOST: Final = 4_096
_LONGEST: Final = 4_096  # bytes
_NOTHING: Final = np.zeros(0, dtype=np.int64)
_NONE: Final = ReadingColumns(
    start=_NOTHING,
    duration=_NOTHING,
    value=_NOTHING,
    quality_flags=_NOTHING,
    tou_tier=_NOTHING,
    consumption_block=_NOTHING,
    local_id=_NOTHING,
)
"""What stands in a mould for a run."""


@dataclass(frozen=True, slots=True)
class Moulds:
    """Remembers documents by all that they say beside their runs of readings."""

    _known: Bounded[tuple[bytes, bool], MirrorDocument] = field(
        default_factory=lambda: Bounded(_MOST), init=False
    )

    def fill(self, rest: bytes, runs: Sequence[ReadingColumns], *, legacy: bool) -> MirrorDocument | None:
        """Return the document whose `runs` were lifted out and left `rest`; None if it is not known."""
        mould = self._known.get((rest, legacy)) if runs else None
        return None if mould is None else _filled(mould, runs)

    def keep(
        self, document: MirrorDocument, rest: bytes, runs: Sequence[ReadingColumns], *, legacy: bool
    ) -> None:
        """Remember a document that was read from `rest` and `runs`, if each run is a set by itself."""
        if runs and len(rest) <= _LONGEST and _is_mould(document, runs):
            self._known.remember((rest, legacy), _filled(document, [_NONE] * len(runs)))


def _is_mould(document: MirrorDocument, runs: Sequence[ReadingColumns]) -> bool:
    """Say whether the readings of a document are its runs, each of them a set by itself, in their order.

    Of readings beside a set there may be only one: what a run says would decide whether the document is
    taken at all.
    """
    if any(register.reading is not None for register in document.meter_readings):
        return False
    held = [each.readings for register in document.meter_readings for each in register.reading_sets]
    return len(held) == len(runs) and all(one is run for one, run in zip(held, runs, strict=True))


def _filled(document: MirrorDocument, runs: Sequence[ReadingColumns]) -> MirrorDocument:
    """Return a mould, or the document it is made of, with these runs for its sets."""
    coming = iter(runs)
    registers = tuple(_register(register, coming) for register in document.meter_readings)
    return replace(document, meter_readings=registers)


def _register(register: MirrorMeterReading, coming: Iterator[ReadingColumns]) -> MirrorMeterReading:
    sets = tuple(replace(each, readings=next(coming)) for each in register.reading_sets)
    return replace(register, reading_sets=sets)
