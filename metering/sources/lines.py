"""A file's lines as bytes, none of them longer than a bound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

GREATEST_LINE_BYTES: Final = 1_000_000
_KEPT_OF_LONG_LINES: Final = 1_000
_BOM: Final = b"\xef\xbb\xbf"
_CUT: Final = b" ..."
_SKIPPED_AT_ONCE: Final = 65_536


def lines_of(
    stream: BinaryIO, *, greatest: int = GREATEST_LINE_BYTES, first: int = 1
) -> Iterator[tuple[int, bytes, bool]]:
    """Yield each line with its number, counted from `first`, its bytes, and whether it was whole.

    Of a line of more than `greatest` bytes only the beginning is kept, with a mark that it was cut, so that
    what is left of it passes for no line of its own. A mark of UTF-8 that begins a file is in no line.
    """
    number = first
    while line := stream.readline(greatest + 1):
        whole = len(line) <= greatest
        if not whole and not line.endswith(b"\n"):
            _skip_line(stream)
        line = line.removeprefix(_BOM) if number == 1 else line
        yield number, line if whole else line[:_KEPT_OF_LONG_LINES] + _CUT, whole
        number += 1


def whole_lines_of(stream: BinaryIO, *, size: int, greatest: int) -> Iterator[bytes]:
    """Yield about `size` bytes at a time, which end with a line or with the file.

    Of a line of more than `greatest` bytes no more is there than shows that it is longer.
    """
    while chunk := stream.read(size):
        rest = b"" if chunk.endswith(b"\n") else stream.readline(greatest + 1)
        yield chunk + rest
        if len(rest) > greatest and not rest.endswith(b"\n"):
            _skip_line(stream)


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(_SKIPPED_AT_ONCE)) and not rest.endswith(b"\n"):
        pass


def is_remark(line: bytes) -> bool:
    """Say whether a line of a file with one JSON document a line is empty, or a remark behind a `#`."""
    return not line.strip() or line.startswith(b"#")
