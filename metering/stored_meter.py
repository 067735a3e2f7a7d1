"""What is kept of a meter, of its registers, and of what their readings mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from metering.documents import ReadingType
from metering.energy import Lane

GREATEST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUsagePoint:
    """A meter that is known here; `id` is the number in its href."""

    id: int
    sender: str
    device_lfdi: str
    mrid: str
    external_id: str
    role_flags: int
    service_category: int
    status: int
    description: str | None


@dataclass(frozen=True, slots=True)
class StoredReadingType:
    """A reading type of a register; the one with the highest version is in force."""

    id: int
    version: int
    reading_type: ReadingType


@dataclass(frozen=True, slots=True)
class Register:
    """What is known of a register: its reading types by version, and what it counts separately."""

    id: int
    types: Mapping[int, StoredReadingType]
    channels: Mapping[Lane, int]

    @property
    def in_force(self) -> StoredReadingType:
        return self.types[max(self.types)]

    def stored(self, kind: ReadingType) -> StoredReadingType | None:
        """Return the newest of its reading types that says what `kind` says, or None."""
        return next((item for _, item in sorted(self.types.items())[::-1] if item.reading_type == kind), None)
