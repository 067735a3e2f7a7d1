"""The MirrorUsagePoints of a file cut out of it by their bytes, where they stand plainly one after the other.

A file is plain if it is UTF-8 without a DTD and without prefixes, and nothing but space stands between its
documents. What is cut out is a document as a meter posts it; cut at a wrong place, as behind what a comment
says, it is no well-formed one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from metering.sep.elements import MAX_DOCUMENT_BYTES, NAMESPACE

_READ_AT_ONCE: Final = 262_144
_SPACE: Final = b" \t\r\n"
_XMLNS: Final = f' xmlns="{NAMESPACE}"'.encode()
_START: Final = b"<MirrorUsagePoint"
_END: Final = b"</MirrorUsagePoint>"
_STARTS: Final = re.compile(_START + rb"[ \t\r\n>]")
_HEAD: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?+"
    rb"(?:<\?xml version=([\"'])1\.0\1(?: encoding=([\"'])[Uu][Tt][Ff]-8\2)?+[ \t\r\n]*+\?>)?+[ \t\r\n]*+"
    rb"(<MirrorUsagePointList(?:[ \t\r\n]++[A-Za-z]++=\"[^\"<&]*+\")*+[ \t\r\n]*+>)?+"
)
_ATTRIBUTE: Final = re.compile(rb"[ \t\r\n]([A-Za-z]++)=")
_LIST_ENDS: Final = re.compile(rb"[ \t\r\n]*+</MirrorUsagePointList[ \t\r\n]*+>[ \t\r\n]*+")
_NOTHING: Final = re.compile(rb"[ \t\r\n]*+")


class NotPlain(Exception):
    """A file is written in another way, or is no XML; what was cut out before is good nevertheless."""


def plain_documents(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what seems to be the document of each MirrorUsagePoint, in bounded memory. Raises: NotPlain."""
    held = stream.read(_READ_AT_ONCE)
    is_list, position = _head(held)
    count = 0
    while True:
        end = held.find(_END, position)
        if end >= 0:
            document = held[position : end + len(_END)].lstrip(_SPACE)
            position = end + len(_END)
            count += 1
            yield _document(document, is_list=is_list, count=count)
            continue
        more = stream.read(_READ_AT_ONCE)
        if not more or len(held) - position > MAX_DOCUMENT_BYTES:
            break
        held, position = held[position:] + more, 0
    ending = _LIST_ENDS if is_list else _NOTHING
    if not ending.fullmatch(held, position) or not count:
        raise NotPlain


def _head(held: bytes) -> tuple[bool, int]:
    """Return whether a file is a list, and where its first document begins. Raises: NotPlain."""
    found = _HEAD.match(held)
    if found is None:
        raise NotPlain
    if found[3] is None:
        return False, found.end()
    names = _ATTRIBUTE.findall(found[3])
    if len(names) != len(set(names)) or _XMLNS not in found[3]:
        raise NotPlain
    return True, found.end()


def _document(part: bytes, *, is_list: bool, count: int) -> bytes:
    if not _STARTS.match(part) or not (is_list or count == 1):
        raise NotPlain
    return _START + _XMLNS + part[len(_START) :] if is_list else part
