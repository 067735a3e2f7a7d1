"""Files of 2030.5 documents: a MirrorUsagePoint, or any number of them in a list."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final
from xml.etree import ElementTree as ET

from kernel.errors import NodeError
from metering.documents import MirrorUsagePoint
from metering.sep.elements import NAMESPACE, qualified
from metering.sep.reader import read_mirror_document
from metering.sources.plain_documents import NotPlain, plain_documents
from metering.sources.ports import Batch, Found, Reject, SourceUnreadable
from metering.sources.xml_stream import pieces_of

_USAGE_POINT: Final = qualified("MirrorUsagePoint")
_WITHOUT_METER: Final = frozenset(map(qualified, ("MirrorMeterReading", "MirrorMeterReadingList")))


ET.register_namespace("sep", NAMESPACE)  # so that people can read what is written of a document


class SepSource:
    """Reads MirrorUsagePoints, wherever they stand in the file."""

    def read(self, stream: BinaryIO) -> Iterator[Found]:
        """Yield each meter's document. Raises: SourceUnreadable."""
        number, start = 0, stream.tell()
        try:
            for raw in plain_documents(stream):
                found = _found_plainly(raw, _place(number + 1))
                number += 1
                yield found
        except NotPlain:
            stream.seek(start)
            yield from _in_any_way(stream, after=number)


def _in_any_way(stream: BinaryIO, *, after: int) -> Iterator[Found]:
    """Yield each meter's document behind so many that were read before. Raises: SourceUnreadable."""
    number = 0
    for piece in pieces_of(stream, wanted=frozenset({_USAGE_POINT}), watched=_WITHOUT_METER):
        if piece.element is not None:
            number += 1
            if number > after:
                yield _found(piece.element, _place(number))
        elif piece.starts:
            raise SourceUnreadable(
                "readings without their MirrorUsagePoint could be anybody's",
                hint="Put them into the MirrorUsagePoint of their meter.",
            )
    if not number:
        raise SourceUnreadable(
            "the file holds no MirrorUsagePoint", hint=f"It is read in the namespace {NAMESPACE}."
        )


def _place(number: int) -> str:
    return f"MirrorUsagePoint {number}"


def _found_plainly(raw: bytes, place: str) -> Found:
    """Return what a document says that was cut out of the file. Raises: NotPlain, if it is no XML."""
    try:
        return _batch(raw, place)
    except NodeError:
        return _found(_only_element(raw), place)


def _only_element(raw: bytes) -> ET.Element:
    try:
        pieces = list(pieces_of(BytesIO(raw), wanted=frozenset({_USAGE_POINT})))
    except SourceUnreadable as error:
        raise NotPlain from error
    if len(pieces) != 1 or pieces[0].element is None:
        raise NotPlain
    return pieces[0].element


def _found(element: ET.Element, place: str) -> Found:
    element.tail = None
    raw = ET.tostring(element)
    try:
        return _batch(raw, place)
    except NodeError as error:
        return Reject(place=place, raw=raw, code=error.code, sentence=str(error))


def _batch(raw: bytes, place: str) -> Batch:
    document = read_mirror_document(raw)
    if not isinstance(document, MirrorUsagePoint):  # pragma: no cover  only those are asked for
        raise TypeError(type(document))
    return Batch(document=document, body=raw, place=place)
