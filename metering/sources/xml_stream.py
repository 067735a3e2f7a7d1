"""A long XML document of strangers, element by element, in bounded memory and without a DTD.

Only the elements that are asked for are built; an element that grows beyond the bound, or is nested too
deep in itself or in what is around it, ends the reading; what stands before it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NoReturn
from xml.etree import ElementTree as ET

from metering.sep.elements import MAX_DEPTH
from metering.sources.ports import SourceUnreadable

_CHUNK_BYTES: Final = 65_536
GREATEST_ELEMENT_BYTES: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """One built element, or the start or end (`element` is None) of one that is only watched."""

    tag: str
    element: ET.Element | None = None
    starts: bool = False


@dataclass(slots=True)
class _Target:
    """What the parser tells of; builds what is wanted and passes over the rest."""

    wanted: frozenset[str]
    watched: frozenset[str]
    depth: int = 0
    building: int = 0
    moved: bool = False
    builder: ET.TreeBuilder = field(default_factory=ET.TreeBuilder)
    pieces: list[Piece] = field(default_factory=list)

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise SourceUnreadable(
            "the file has a DOCTYPE, which is refused unread", hint="Write it without a DTD."
        )

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.moved = True
        self.depth += 1
        if self.building or tag in self.wanted:
            self.building += 1
        if (self.building or self.depth) > MAX_DEPTH:
            raise SourceUnreadable(f"elements are nested deeper than {MAX_DEPTH}")
        if self.building:
            self.builder.start(tag, attributes)
        elif tag in self.watched:
            self.pieces.append(Piece(tag, starts=True))

    def data(self, text: str) -> None:
        self.moved = True
        if self.building:
            self.builder.data(text)

    def end(self, tag: str) -> None:
        self.moved = True
        self.depth -= 1
        if self.building:
            self.builder.end(tag)
            self.building -= 1
            if not self.building:
                self.pieces.append(Piece(tag, self.builder.close()))
                self.builder = ET.TreeBuilder()
        elif tag in self.watched:
            self.pieces.append(Piece(tag))

    def close(self) -> None:
        return None


def pieces_of(
    stream: BinaryIO, *, wanted: frozenset[str], watched: frozenset[str] = frozenset()
) -> Iterator[Piece]:
    """Yield each element that is `wanted`, whole, and each start and end of those `watched`.

    Raises: SourceUnreadable, of what is no XML, has a DTD, is nested too deep or grows too large.
    """
    target = _Target(wanted, watched)
    parser = ET.XMLParser(target=target)  # noqa: S314  guarded: no DTD, bounded
    quiet = built = 0
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            target.moved = False
            parser.feed(chunk)
            quiet = 0 if target.moved else quiet + len(chunk)
            built = built + len(chunk) if target.building and not target.pieces else 0
            _check_size(max(quiet, built))
            yield from _taken(target)
        parser.close()
    except SourceUnreadable:
        yield from _taken(target)
        raise
    except (ET.ParseError, LookupError, ValueError) as error:
        yield from _taken(target)
        raise SourceUnreadable(f"the file is not well-formed XML: {error}") from error
    yield from _taken(target)


def _check_size(size: int) -> None:
    if size > GREATEST_ELEMENT_BYTES:
        raise SourceUnreadable(f"an element has more than {GREATEST_ELEMENT_BYTES} bytes")


def _taken(target: _Target) -> Iterator[Piece]:
    taken, target.pieces = target.pieces, []
    yield from taken
