"""The contracts that a day may concern, as columns: what an engine works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from settlement.engines.tariffs import Tariff

Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTable:
    """Contracts in the order of their ids. Units: Wh; seconds since 1970 UTC, µs for `traded_at`.

    A contract counts for readings that start in `[start, end)`. `sources` and `targets` are numbers in
    `source_meters` and `target_meters`; `tariff_of` in `tariffs`.
    """

    ids: Sequence[str]
    sources: Integers
    targets: Integers
    source_meters: Sequence[str]
    target_meters: Sequence[str]
    traded_at: Integers
    quantity: Integers
    """How much is to arrive."""
    sent: Integers
    """How much may be sent for that: more than the quantity, where some is lost."""
    lost: Integers
    """Millionths of a per cent of what is sent."""
    start: Integers
    end: Integers
    by_interval: Flags
    """Matched in every interval; else over the whole window."""
    tariff_of: Integers
    tariffs: Sequence[Tariff]

    def __len__(self) -> int:
        return len(self.ids)
