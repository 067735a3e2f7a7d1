"""Text that others wrote, made fit for a terminal, a log and a database, and to be searched."""

from __future__ import annotations

from typing import Final
from unicodedata import normalize

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0))  # among them what moves a terminal's cursor
_HALVES: Final = range(0xD800, 0xE000)  # surrogates, which no encoding can write
_UNPRINTABLE: Final = dict.fromkeys((*_CONTROLS, *_HALVES), _REPLACEMENT)
_BUT_LINES: Final = {code: text for code, text in _UNPRINTABLE.items() if code != ord("\n")}

_UNSEEN: Final = dict.fromkeys((0xAD, 0x307, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))  # and the dot of İ
_ALIKE: Final = _UNSEEN | {ord("ı"): "i"}


def one_line(text: str) -> str:
    """Return `text` on one line, with nothing in it that PostgreSQL or a terminal would choke on."""
    return text.translate(_UNPRINTABLE)


def printable(text: str) -> str:
    """Return `text` in the lines that it has, with nothing else in it that a terminal would obey."""
    return text.translate(_BUT_LINES)


def searchable(text: str) -> str:
    """Return `text` so that the same words are the same text, however they were typed, in any alphabet.

    Capitals are small, composed and wide characters are one, what nobody sees is gone, and an i is an i with
    and without its dot.
    """
    if text.isascii():  # most text is, and far sooner done
        return text.casefold()
    return normalize("NFKC", normalize("NFKC", text).casefold().translate(_ALIKE))
