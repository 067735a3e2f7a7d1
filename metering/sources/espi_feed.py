"""What the registers of a Green Button feed are: usage points, meter readings and reading types, linked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO, Final
from xml.etree import ElementTree as ET

from kernel.errors import NodeError
from metering.documents import ReadingType
from metering.doubt import Doubt
from metering.energy import scale_of
from metering.sep.elements import MeterDocumentRefused
from metering.sources.espi_values import atom, espi, read_reading_type
from metering.sources.naming import MeterName, ReadMeterName, derived_mrid
from metering.sources.ports import SourceUnreadable
from metering.sources.xml_stream import pieces_of

_READING_TYPE: Final = "ReadingType"
_RESOURCES: Final = {espi(name): name for name in ("UsagePoint", "MeterReading", _READING_TYPE)}
_WANTED: Final = frozenset({atom("id"), atom("link"), *_RESOURCES})
MOST_ENTRIES: Final = 5_000
"""Of usage points, meter readings and reading types; there may be any number of interval blocks."""


@dataclass(slots=True)
class Links:
    """The links of an entry: its own address, that of the list it stands in, and others."""

    own: str = ""
    up: str = ""
    related: list[str] = field(default_factory=list)

    def take(self, link: ET.Element) -> None:
        href = link.get("href", "").strip().rstrip("/")
        relation = link.get("rel", "")
        if relation == "self":
            self.own = href
        elif relation == "up":
            self.up = href
        elif relation == "related":
            self.related.append(href)

    def holds(self, other: Links) -> bool:
        """Say whether the other entry stands in a list of this one."""
        listed = bool(other.up) and other.up in self.related
        return listed or (bool(self.own) and other.own.startswith(self.own + "/"))


@dataclass(slots=True)
class Entry:
    """An entry that holds a usage point, a meter reading or a reading type."""

    name: str = ""
    links: Links = field(default_factory=Links)
    kind: str = ""
    resource: ET.Element | None = None

    @property
    def identity(self) -> str:
        return self.name or self.links.own

    def digest(self) -> bytes | None:
        """Return what is the same for entries that say the same, or None if two alike may be two things."""
        if not self.identity and self.kind != _READING_TYPE:
            return None
        links = self.links
        said = (self.kind, self.name, links.own, links.up, *links.related)
        resource = b"" if self.resource is None else ET.tostring(self.resource)
        return sha256("\0".join(said).encode() + b"\0" + resource).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRegister:
    """A register of the feed; `refused` says why its readings are no energy that can be taken."""

    meter: MeterName
    mrid: str
    as_written: str
    links: Links
    kind: ReadingType
    default_quality: int
    refused: Doubt | None
    entries: tuple[Entry, ...]


class Feed:
    """The registers of a feed."""

    def __init__(self, registers: Sequence[FeedRegister]) -> None:
        self.registers = registers
        addresses = Counter(href for each in registers for href in each.links.related)
        self._by_address = {
            href: each for each in registers for href in each.links.related if addresses[href] == 1
        }
        self._by_address |= {each.links.own: each for each in registers if each.links.own}

    def links_of_a_block(self, register: FeedRegister) -> Links:
        """Return links by which a block is known as one of a register, also in a feed of others."""
        if register.links.own:
            return Links(own=f"{register.links.own}/IntervalBlock")
        lists = (href for href in register.links.related if self._by_address.get(href) is register)
        return Links(up=next(lists, ""))

    def register_of(self, block: Links) -> FeedRegister | None:
        """Return the register that an interval block belongs to, or None where nothing says so."""
        if block.up in self._by_address:
            return self._by_address[block.up]
        above = block.own
        while above:
            if above in self._by_address:
                return self._by_address[above]
            above = above.rpartition("/")[0]
        return self.registers[0] if len(self.registers) == 1 else None


def read_feed(stream: BinaryIO, *, name_of: ReadMeterName, meter: str | None) -> Feed:
    """Return what a feed says of its registers; `meter` names the only usage point otherwise.

    Raises: SourceUnreadable.
    """
    entries = list(_entries(stream))
    by_kind = {kind: [each for each in entries if each.kind == kind] for kind in _RESOURCES.values()}
    points, types = by_kind["UsagePoint"], by_kind[_READING_TYPE]
    if meter is not None and len(points) > 1:
        raise SourceUnreadable(
            f"the file is about {len(points)} usage points, which cannot all be {meter}",
            hint="Leave --meter out: each is taken by its own id.",
        )
    registers = tuple(_register(each, points, types, name_of, meter) for each in by_kind["MeterReading"])
    if not registers:
        raise SourceUnreadable("the feed holds no MeterReading", hint="Export it with its interval data.")
    return Feed(registers)


def _entries(stream: BinaryIO) -> Iterable[Entry]:
    """Yield the entries but for repeats: in a file of rejects each brings along what it belongs to."""
    entry, count, known = Entry(), 0, set[bytes]()
    for piece in pieces_of(stream, wanted=_WANTED, watched=frozenset({atom("entry")})):
        element = piece.element
        if element is None:
            if not piece.starts and entry.kind and not _is_repeat(entry, known):
                count += 1
                if count > MOST_ENTRIES:
                    raise SourceUnreadable(f"the feed describes more than {MOST_ENTRIES} things")
                yield entry
            entry = Entry()
        elif piece.tag == atom("id"):
            entry.name = (element.text or "").strip()
        elif piece.tag == atom("link"):
            entry.links.take(element)
        else:
            element.tail = None
            entry.kind, entry.resource = _RESOURCES[piece.tag], element


def _is_repeat(entry: Entry, known: set[bytes]) -> bool:
    """Say whether an entry says what one before it said, and remember it."""
    digest = entry.digest()
    if digest is None or digest in known:
        return digest is not None
    known.add(digest)
    return False


def _register(
    reading: Entry, points: list[Entry], types: list[Entry], name_of: ReadMeterName, meter: str | None
) -> FeedRegister:
    point = _only(points, [each for each in points if each.links.holds(reading.links)])
    kind = _only(types, [each for each in types if each.links.own in reading.links.related])
    if point is None:
        raise SourceUnreadable(f"nothing says which UsagePoint the MeterReading {reading.identity!r} is of")
    if kind is None or kind.resource is None:
        raise SourceUnreadable(f"nothing says which ReadingType the MeterReading {reading.identity!r} has")
    name = _meter_of(point, name_of, meter)
    try:
        reading_type, default_quality = read_reading_type(kind.resource)
    except MeterDocumentRefused as error:
        raise SourceUnreadable(f"the ReadingType {kind.identity!r} cannot be read: {error}") from error
    scale = scale_of(reading_type)
    return FeedRegister(
        meter=name,
        mrid=derived_mrid("register", name.mrid, reading.identity),
        as_written=reading.identity,
        links=reading.links,
        kind=reading_type,
        default_quality=default_quality,
        refused=scale if isinstance(scale, Doubt) else None,
        entries=(point, reading, kind),
    )


def _only(all_of_kind: list[Entry], linked: list[Entry]) -> Entry | None:
    if linked:
        return linked[0]
    return all_of_kind[0] if len(all_of_kind) == 1 else None


def _meter_of(point: Entry, name_of: ReadMeterName, meter: str | None) -> MeterName:
    """Return the meter that a usage point is: by the operator's word, or by its own id."""
    try:
        return name_of(point.identity if meter is None else meter)
    except NodeError as error:
        if meter is not None:
            raise SourceUnreadable(f"--meter: {error}") from error
        return MeterName(derived_mrid("usage point", point.identity), point.identity)
