"""A file of readings as a stream: decompressed if it is gzip, and how far it was read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from metering.sources.ports import SourceUnreadable

_GZIP: Final = b"\x1f\x8b"
READ_ERRORS: Final = (OSError, EOFError, zlib.error)
"""What may be raised while a file is read: among them what is no gzip after all, or is cut off."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that is being read: `stream` are its contents, `file` its bytes on the disk."""

    stream: BinaryIO
    file: BinaryIO
    size: int

    def position(self) -> int:
        """Return how many of the file's `size` bytes were read."""
        return self.file.tell()


@contextmanager
def opened(path: Path) -> Iterator[OpenFile]:
    """Open a file for reading. Raises: SourceUnreadable."""
    try:
        with path.open("rb") as file:
            is_gzip = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            stream = cast("BinaryIO", gzip.GzipFile(fileobj=file, mode="rb")) if is_gzip else file
            yield OpenFile(stream, file, path.stat().st_size)
    except READ_ERRORS as error:
        why = getattr(error, "strerror", None) or error
        raise SourceUnreadable(f"{path} cannot be read: {why}") from error
