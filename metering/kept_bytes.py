"""The bytes of a document as they are kept: compressed by zlib, or as they came in rows of earlier days.

PostgreSQL would compress them too, which takes it four times as long.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

_FASTEST: Final = 1


@dataclass(frozen=True, slots=True)
class KeptBytes:
    """A document's bytes as they are kept, and the SHA-256 by which they are known again."""

    sha256: bytes
    packed: bytes

    @classmethod
    def of(cls, raw: bytes) -> Self:
        return cls(sha256(raw).digest(), zlib.compress(raw, _FASTEST))


def unpacked(kept: bytes, *, is_zlib: bool) -> bytes:
    """Return the very bytes of a document that is kept."""
    return zlib.decompress(kept) if is_zlib else kept
