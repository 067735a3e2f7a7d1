"""Green Button files (NAESB ESPI): an Atom feed of usage points, reading types and interval blocks.

The instants in it are seconds since 1970 UTC; its local time parameters only say how to print them, so
that a day on which the clock is changed needs no care. Costs are passed over. The file is read twice:
first for what its readings are, which may stand after them, then for the readings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.etree import ElementTree as ET

from metering.documents import MirrorMeterReading, MirrorReadingSet, MirrorUsagePoint, Reading
from metering.sep.elements import MeterDocumentRefused
from metering.sources.espi_feed import Feed, FeedRegister, Links, read_feed
from metering.sources.espi_values import atom, espi, read_interval
from metering.sources.naming import ReadMeterName, meter_by_mrid
from metering.sources.ports import Batch, Found, Reject, SourceUnreadable
from metering.sources.xml_stream import pieces_of

GREATEST_BATCH_READINGS: Final = 10_000
GREATEST_BATCH_BYTES: Final = 16_000_000
MOST_WAITING: Final = 20_000
"""How many readings are kept at most until their batch is full."""
MOST_BYTES_WAITING: Final = 64_000_000

_WANTED: Final = frozenset({atom("link"), espi("IntervalReading")})
_WATCHED: Final = frozenset({atom("entry")})

Taken = tuple[int, Reading, ET.Element]
"""The number of a reading in the file, what it says, and the element that said so."""


@dataclass(slots=True)
class _Block:
    """What was read so far of one entry."""

    links: Links = field(default_factory=Links)
    elements: list[tuple[int, ET.Element]] = field(default_factory=list)
    size: int = 0

    def take(self, number: int, element: ET.Element) -> None:
        self.elements.append((number, element))
        self.size += _size(element)


@dataclass(slots=True)
class _Waiting:
    """Readings of one register that wait until their batch is full."""

    taken: list[Taken] = field(default_factory=list)
    size: int = 0

    @property
    def full(self) -> bool:
        return len(self.taken) >= GREATEST_BATCH_READINGS or self.size >= GREATEST_BATCH_BYTES


class EspiSource:
    """Reads Green Button feeds; `meter` names the only usage point of one otherwise than by its id."""

    def __init__(self, *, meter: str | None = None, name_of: ReadMeterName = meter_by_mrid) -> None:
        self._meter = meter
        self._name_of = name_of

    def read(self, stream: BinaryIO) -> Iterator[Found]:
        """Yield the readings, register by register. Raises: SourceUnreadable."""
        feed = read_feed(stream, name_of=self._name_of, meter=self._meter)
        stream.seek(0)
        head = f"<!-- read as meter {self._meter.replace('--', '')} -->\n".encode() if self._meter else b""
        waiting: dict[str, _Waiting] = {}
        count = size = 0
        registers = {each.mrid: each for each in feed.registers}
        for register, number, element in _readings(stream, feed):
            try:
                reading = read_interval(element, default_quality=register.default_quality)
            except MeterDocumentRefused as error:
                yield Reject(
                    place=f"IntervalReading {number}",
                    raw=_written(feed, register, [element]),
                    code=error.code,
                    sentence=str(error),
                )
                continue
            of_register = waiting.setdefault(register.mrid, _Waiting())
            of_register.taken.append((number, reading, element))
            weight = _size(element)
            of_register.size += weight
            count, size = count + 1, size + weight
            if of_register.full:
                count, size = count - len(of_register.taken), size - of_register.size
                yield _found(feed, register, waiting.pop(register.mrid).taken, head)
            elif count >= MOST_WAITING or size >= MOST_BYTES_WAITING:
                yield from (_found(feed, registers[mrid], each.taken, head) for mrid, each in waiting.items())
                waiting, count, size = {}, 0, 0
        yield from (_found(feed, registers[mrid], each.taken, head) for mrid, each in waiting.items())


def _size(element: ET.Element) -> int:
    """Return about how many bytes an element takes when it is written."""
    return sum(
        len(each.tag)
        + len(each.text or "")
        + len(each.tail or "")
        + sum(len(name) + len(value) for name, value in each.attrib.items())
        for each in element.iter()
    )


def _readings(stream: BinaryIO, feed: Feed) -> Iterator[tuple[FeedRegister, int, ET.Element]]:
    """Yield every reading of the feed with its register and its number in the file."""
    block, number = _Block(), 0
    for piece in pieces_of(stream, wanted=_WANTED, watched=_WATCHED):
        if piece.element is None:
            yield from _of_block(feed, block)
            block = _Block()
        elif piece.tag == atom("link"):
            block.links.take(piece.element)
        else:
            number += 1
            block.take(number, piece.element)
            if len(block.elements) >= MOST_WAITING or block.size >= MOST_BYTES_WAITING:
                yield from _of_block(feed, block)
                block = _Block(links=block.links)


def _of_block(feed: Feed, block: _Block) -> Iterator[tuple[FeedRegister, int, ET.Element]]:
    if not block.elements:
        return
    register = feed.register_of(block.links)
    if register is None:
        raise SourceUnreadable(
            "nothing says which MeterReading an interval block is of",
            path=f"IntervalReading {block.elements[0][0]}",
            hint="Its entry links to it by rel='up' or stands below its address.",
        )
    for number, element in block.elements:
        yield register, number, element


def _found(feed: Feed, register: FeedRegister, taken: Sequence[Taken], head: bytes) -> Found:
    batch = Batch(
        document=MirrorUsagePoint(
            mrid=register.meter.mrid,
            mrid_as_sent=register.meter.as_written,
            device_lfdi=register.meter.device_lfdi,
            meter_readings=(
                MirrorMeterReading(
                    mrid=register.mrid,
                    mrid_as_sent=register.as_written,
                    reading_type=register.kind,
                    reading_sets=(MirrorReadingSet(readings=tuple(reading for _, reading, _ in taken)),),
                ),
            ),
        ),
        head=head,
        body=_written(feed, register, [element for _, _, element in taken]),
        place=f"IntervalReadings {taken[0][0]} to {taken[-1][0]}",
    )
    if register.refused is None:
        return batch
    return batch.rejected(register.refused.reason.value, register.refused.sentence)


def _written(feed: Feed, register: FeedRegister, readings: Sequence[ET.Element]) -> bytes:
    """Return a feed of one register with these readings, which can be read again."""
    written = ET.Element(atom("feed"))
    for entry in register.entries:
        if entry.resource is not None:
            _add_entry(written, entry.name, entry.links, [entry.resource])
    block = ET.Element(espi("IntervalBlock"))
    block.extend(readings)
    _add_entry(written, "", feed.links_of_a_block(register), [block])
    return ET.tostring(written)


def _add_entry(feed: ET.Element, name: str, links: Links, content: Sequence[ET.Element]) -> None:
    entry = ET.SubElement(feed, atom("entry"))
    if name:
        ET.SubElement(entry, atom("id")).text = name
    for relation, href in (("self", links.own), ("up", links.up), *(("related", it) for it in links.related)):
        if href:
            ET.SubElement(entry, atom("link"), {"rel": relation, "href": href})
    ET.SubElement(entry, atom("content")).extend(content)
