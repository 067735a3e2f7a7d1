"""IEEE 2030.5 XML from strangers: one bounded, DTD-free parse, and strict readers of simple values.

The XML parser joins text around comments, so `1000<!-- -->0` is 10000 and never 1000.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, NoReturn
from xml.etree import ElementTree as ET

from kernel.errors import NodeError

NAMESPACE: Final = "urn:ieee:std:2030.5:ns"
LEGACY_NAMESPACE: Final = "http://ieee.org/2030.5"
MAX_DOCUMENT_BYTES: Final = 2_000_000
MAX_DEPTH: Final = 32

_WHOLE_NUMBER: Final = re.compile(r"[ \t\r\n]*[+-]?[0-9]{1,15}[ \t\r\n]*")
_HEX_16: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){0,2}")
_XML_SPACE: Final = " \t\r\n"
_LEGACY_TAG: Final = f"{{{LEGACY_NAMESPACE}}}"


class MeterDocumentRefused(NodeError):
    """A meter's document is refused as a whole; `reason_code` is what the 2030.5 Error says."""

    code, http_status, retryable = "METER_DOCUMENT_REFUSED", 400, False
    reason_code: ClassVar[int] = 0


class MeterDocumentTooLarge(MeterDocumentRefused):
    """A document is over the limit of bytes."""

    code, http_status = "METER_DOCUMENT_TOO_LARGE", 413
    reason_code = 2


class DtdForbidden(MeterDocumentRefused):
    """A document brings a document type definition."""

    code = "METER_DOCUMENT_DTD"


class MeterDocumentMalformed(MeterDocumentRefused):
    """A document is no XML, or not of the shape that 2030.5 gives it."""

    code = "METER_DOCUMENT_MALFORMED"


class MeterValueInvalid(MeterDocumentRefused):
    """A simple value cannot be read or is out of its type's range."""

    code = "METER_VALUE_INVALID"
    reason_code = 1


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole-number type of 2030.5 with the least and the greatest value it takes."""

    name: str
    least: int
    greatest: int


UINT8: Final = Whole("UInt8", 0, 2**8 - 1)
UINT16: Final = Whole("UInt16", 0, 2**16 - 1)
UINT32: Final = Whole("UInt32", 0, 2**32 - 1)
INT48: Final = Whole("Int48", -(2**47), 2**47)
INT64: Final = Whole("Int64", -(2**63), 2**63 - 1)
POWER_OF_TEN: Final = Whole("PowerOfTenMultiplier", -9, 9)


class _NoDtd(ET.TreeBuilder):
    """Builds the tree, and stops at a DOCTYPE in whatever encoding it comes."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise DtdForbidden(
            "the document has a DOCTYPE, which is refused unread", hint="Send the document without a DTD."
        )


def qualified(name: str) -> str:
    """Return the tag of element `name` in the 2030.5 namespace."""
    return f"{{{NAMESPACE}}}{name}"


def local_name(element: ET.Element) -> str:
    """Return the tag of `element` without its namespace."""
    return element.tag.rpartition("}")[2]


def check_size(raw: bytes) -> None:
    """Refuse a document over the limit. Raises: MeterDocumentTooLarge."""
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise MeterDocumentTooLarge(
            f"the document has more than {MAX_DOCUMENT_BYTES} bytes", hint="Post fewer readings at a time."
        )


def parse_document(raw: bytes, *, legacy: bool = False) -> ET.Element:
    """Return the root element of a 2030.5 document.

    With `legacy` the namespace of 2013 is taken, too; its elements are renamed to those of today.
    Raises: MeterDocumentTooLarge, DtdForbidden, MeterDocumentMalformed.
    """
    check_size(raw)
    try:
        root = ET.fromstring(raw, ET.XMLParser(target=_NoDtd()))  # noqa: S314
    except (ET.ParseError, LookupError, ValueError) as error:
        raise MeterDocumentMalformed(f"the document is not well-formed XML: {error}") from error
    _check_depth(root)
    if legacy and root.tag.startswith(_LEGACY_TAG):
        for element in root.iter():
            if element.tag.startswith(_LEGACY_TAG):
                element.tag = qualified(local_name(element))
    _check_namespace(root)
    return root


def _check_depth(root: ET.Element) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise MeterDocumentMalformed(f"elements are nested deeper than {MAX_DEPTH}")
        level = [child for element in level for child in element]


def _check_namespace(root: ET.Element) -> None:
    namespace = root.tag[1:].partition("}")[0] if root.tag.startswith("{") else ""
    if namespace == NAMESPACE:
        return
    era = "the namespace of 2013 is not taken here; " if namespace == LEGACY_NAMESPACE else ""
    raise MeterDocumentMalformed(
        f"the root element is in namespace {namespace[:64]!r}",
        path=local_name(root)[:64],
        hint=f"{era}write xmlns={NAMESPACE!r}.",
    )


def names_to_tags(*names: str) -> Mapping[str, str]:
    """Return the table of tags, each with its local name, that `only_once` reads by."""
    return {qualified(name): name for name in names}


def only_once(element: ET.Element, names: Mapping[str, str]) -> dict[str, ET.Element]:
    """Return the children of `element` that `names` knows, by local name; unknown ones are left out.

    Raises: MeterDocumentMalformed, if one of them is there twice.
    """
    found: dict[str, ET.Element] = {}
    for child in element:
        name = names.get(child.tag)
        if name is None:
            continue
        if name in found:
            raise there_twice(element, name)
        found[name] = child
    return found


def there_twice(element: ET.Element, name: str) -> MeterDocumentMalformed:
    """Return the complaint that `element` has more than one of what there is one of."""
    return MeterDocumentMalformed(
        f"{name} is there twice, and nobody can say which one counts", path=f"{local_name(element)}/{name}"
    )


def text_of(element: ET.Element) -> str:
    """Return the text of a simple element, without surrounding white space.

    Raises: MeterDocumentMalformed, if it has elements inside.
    """
    if len(element):
        raise MeterDocumentMalformed("a simple value has elements inside", path=local_name(element))
    return (element.text or "").strip(_XML_SPACE)


def whole_of(element: ET.Element, kind: Whole) -> int:
    """Return the whole number that a simple element holds.

    Raises: MeterValueInvalid, if it is none or out of the range of `kind`.
    """
    text = element.text or ""
    if len(element) or not _WHOLE_NUMBER.fullmatch(text):
        raise MeterValueInvalid(f"{text_of(element)[:40]!r} is no whole number", path=local_name(element))
    number = int(text)
    if not kind.least <= number <= kind.greatest:
        raise MeterValueInvalid(f"{number} is out of the range of {kind.name}", path=local_name(element))
    return number


def hex16_of(element: ET.Element) -> int:
    """Return the bits that a HexBinary16 element holds; none where it is empty.

    Raises: MeterValueInvalid.
    """
    text = text_of(element)
    if not _HEX_16.fullmatch(text):
        raise MeterValueInvalid(
            f"{text[:40]!r} is no HexBinary16",
            path=local_name(element),
            hint="Write pairs of hexadecimal digits, at most four, for example 0001.",
        )
    return int(text or "0", 16)
