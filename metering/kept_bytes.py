"""The bytes of a document as they are kept: compressed by zlib, or as they came in rows of earlier days.

PostgreSQL would compress them too, which takes it four times as long.
"""

from __future__ import annotations

import zlib
from typing import Final

_FASTEST: Final = 1


def packed(raw: bytes) -> bytes:
    """Return what is to be kept of a document."""
    return zlib.compress(raw, _FASTEST)


def unpacked(kept: bytes, *, is_zlib: bool) -> bytes:
    """Return the very bytes of a document that is kept."""
    return zlib.decompress(kept) if is_zlib else kept
