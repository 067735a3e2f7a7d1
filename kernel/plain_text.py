"""Text that others wrote, made fit for a terminal, a log and a database."""

from __future__ import annotations

from typing import Final

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0))  # among them what moves a terminal's cursor
_HALVES: Final = range(0xD800, 0xE000)  # surrogates, which no encoding can write
_UNPRINTABLE: Final = dict.fromkeys((*_CONTROLS, *_HALVES), _REPLACEMENT)
_BUT_LINES: Final = {code: text for code, text in _UNPRINTABLE.items() if code != ord("\n")}


def one_line(text: str) -> str:
    """Return `text` on one line, with nothing in it that PostgreSQL or a terminal would choke on."""
    return text.translate(_UNPRINTABLE)


def printable(text: str) -> str:
    """Return `text` in the lines that it has, with nothing else in it that a terminal would obey."""
    return text.translate(_BUT_LINES)
