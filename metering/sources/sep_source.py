"""Files of 2030.5 documents: a MirrorUsagePoint, or any number of them in a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final
from xml.etree import ElementTree as ET

from kernel.errors import NodeError
from metering.documents import MirrorUsagePoint
from metering.sep.elements import NAMESPACE, qualified
from metering.sep.reader import read_mirror_document
from metering.sources.ports import Batch, Found, Reject, SourceUnreadable
from metering.sources.xml_stream import pieces_of

_USAGE_POINT: Final = qualified("MirrorUsagePoint")
_WITHOUT_METER: Final = frozenset(map(qualified, ("MirrorMeterReading", "MirrorMeterReadingList")))


ET.register_namespace("sep", NAMESPACE)  # so that people can read what is written of a document


class SepSource:
    """Reads MirrorUsagePoints, wherever they stand in the file."""

    def read(self, stream: BinaryIO) -> Iterator[Found]:
        """Yield each meter's document. Raises: SourceUnreadable."""
        number = 0
        for piece in pieces_of(stream, wanted=frozenset({_USAGE_POINT}), watched=_WITHOUT_METER):
            if piece.element is not None:
                number += 1
                yield _found(piece.element, f"MirrorUsagePoint {number}")
            elif piece.starts:
                raise SourceUnreadable(
                    "readings without their MirrorUsagePoint could be anybody's",
                    hint="Put them into the MirrorUsagePoint of their meter.",
                )
        if not number:
            raise SourceUnreadable(
                "the file holds no MirrorUsagePoint", hint=f"It is read in the namespace {NAMESPACE}."
            )


def _found(element: ET.Element, place: str) -> Found:
    element.tail = None
    raw = ET.tostring(element)
    try:
        document = read_mirror_document(raw)
    except NodeError as error:
        return Reject(place=place, raw=raw, code=error.code, sentence=str(error))
    if not isinstance(document, MirrorUsagePoint):  # pragma: no cover  only those are asked for
        raise TypeError(type(document))
    return Batch(document=document, body=raw, place=place)
