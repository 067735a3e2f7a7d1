"""A document that is handed in: its bytes as they came, who brings it, and which meter it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from metering.documents import MirrorDocument
from metering.doubt import Doubt
from metering.kept_bytes import KeptBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A document of any form with its bytes and its sender.

    `usage_point` is the number of the meter that a document without its MirrorUsagePoint is about. An
    operator `speaks_for_all`: may add readings to anybody's meter, and describes only a new one. `doubts`
    says, by their places in the document, which of its readings do not count, whatever they say.
    """

    document: MirrorDocument
    raw: bytes
    sender: str
    kept: KeptBytes | None = None  # made of `raw`, where that was done before
    usage_point: int | None = None
    speaks_for_all: bool = False
    doubts: Mapping[int, Doubt] = field(default_factory=dict)

    def to_keep(self) -> KeptBytes:
        """Return the bytes as they are to be kept."""
        return self.kept or KeptBytes.of(self.raw)
