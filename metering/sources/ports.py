"""What every source of readings gives: batches of one meter each, and what could not be read.

A source reads a binary stream once, in bounded memory, and finds the same in the same bytes always: an
import that broke off is repeated from the start, and what was taken before is recognised by its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from kernel.errors import NodeError
from metering.documents import MirrorUsagePoint
from metering.kept_bytes import KeptBytes


class SourceUnreadable(NodeError):
    """A file cannot be read on: it is not of its form, or breaks off in it."""

    code, http_status, retryable = "METER_FILE_UNREADABLE", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Readings of one meter, with the bytes that said so; `place` is where in the file they stand.

    `head` is what has to go before `body` for it to be understood: column names, and how it was read.
    `signed` is what a meter has signed of it, which stays the same in whatever it is wrapped. `kept` is
    made of `raw` as soon as it is found, where nobody waits for it.
    """

    document: MirrorUsagePoint
    head: bytes = b""
    body: bytes
    place: str
    signed: bytes = b""
    kept: KeptBytes | None = None

    @property
    def raw(self) -> bytes:
        """The document as it is kept: read otherwise, the same lines are another document."""
        return self.signed or self.head + self.body

    def rejected(self, code: str, sentence: str) -> Reject:
        """Return the whole batch as what was not taken."""
        return Reject(place=self.place, raw=self.body, code=code, sentence=sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A part of a file that was not taken, and why; `raw` is what a reject file has to hold again."""

    place: str
    raw: bytes
    code: str
    sentence: str


Found = Batch | Reject


class MeterSource(Protocol):
    """A form in which readings come."""

    def read(self, stream: BinaryIO) -> Iterator[Found]:
        """Yield what the stream holds, in its order as far as grouping by meter allows.

        Raises: SourceUnreadable, when nothing after this point can be made out.
        """
        ...
