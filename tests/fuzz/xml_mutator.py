"""Changing XML as XML: elements are doubled, dropped, moved and filled with what nobody should write."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Final
from xml.etree import ElementTree as ET

from metering.sep.elements import LEGACY_NAMESPACE, NAMESPACE

Blind = Callable[[bytes, int], bytes]

_STRANGE: Final = (
    "", " ", "0", "-0", "+1", "-1", "1_0", "1e3", "0x1F", "١٢", "00000000000000001", "140737488355328",
    "140737488355329", "-140737488355329", "4294967295", "4294967296", "999999999999999", "9" * 400, "NaN",
    "F", "0F", "ffff", "FFFFFFFFFFFFFFFFFFFFFFFF00000000", "a" * 41, "\t1\n", "1\u00a0", "é", "\U0001f50c",
    "&", "<value>1</value>", "true", "72", "4", "9", "12", "19", "1",
)  # fmt: skip
_PROLOGUES: Final = (
    b"<!DOCTYPE a>",
    b'<!DOCTYPE a [<!ENTITY e "1">]>',
    b'<!DOCTYPE a SYSTEM "file:///dev/null">',
    b"<?p i?>",
    b"<!-- c -->",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
)
_VALUE: Final = re.compile(rb">[^<>]{1,40}<")
_IN_VALUES: Final = (b"<!-- -->", b"<?p?>", b"<![CDATA[1]]>", b"&#49;", b"&e;", b"&#x0;", b"<a/>", b"\x00")


def changed(data: bytes, max_size: int, seed: int, blind: Blind) -> bytes:
    """Return `data` with something changed on purpose; by `blind` where it is no XML, and at times."""
    random = Random(seed)  # noqa: S311  reproducible, guards nothing
    try:
        root = ET.fromstring(data)  # noqa: S314  our own inputs
    except (ET.ParseError, LookupError, ValueError):
        root = None
    choice = random.random()
    if root is None or choice < 0.2:
        return blind(data, max_size)
    made = _in_bytes(data, random) if choice < 0.4 else _in_tree(root, random)
    return made if len(made) <= max_size else data


def flipped(data: bytes, max_size: int, random: Random) -> bytes:
    """Return `data` with some bytes replaced, dropped or doubled, for where there is no fuzzer."""
    changing = bytearray(data[:max_size]) or bytearray(b"<")
    for _ in range(random.randrange(1, 5)):
        at = random.randrange(len(changing))
        changing[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
        changing = changing or bytearray(b"<")
    return bytes(changing[:max_size])


def _in_bytes(data: bytes, random: Random) -> bytes:
    values = [found.span() for found in _VALUE.finditer(data)]
    match random.randrange(4):
        case 0:
            after = data.find(b"?>") + 2 if data.startswith(b"<?xml") else 0
            return data[:after] + random.choice(_PROLOGUES) + data[after:]
        case 1 if values:
            start, end = random.choice(values)
            at = random.randrange(start + 1, end)
            return data[:at] + random.choice(_IN_VALUES) + data[at:]
        case 2:
            other = (NAMESPACE.encode(), LEGACY_NAMESPACE.encode())
            return data.replace(*(other if random.random() < 0.5 else other[::-1]))
        case _:
            encoding = random.choice(("utf-16", "utf-16-be", "utf-32", "latin-1"))
            return data.decode("utf-8", "replace").encode(encoding, "replace")


def _in_tree(root: ET.Element, random: Random) -> bytes:
    parents = [element for element in root.iter() if len(element)] or [root]
    for _ in range(random.randrange(1, 4)):
        _change(random.choice(parents), root, random)
    ET.register_namespace("", NAMESPACE)  # as most meters write it
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=random.random() < 0.5)
    return written


def _change(parent: ET.Element, root: ET.Element, random: Random) -> None:
    children = list(parent)
    if not children:
        return
    child = random.choice(children)
    match random.randrange(6):
        case 0:
            parent.remove(child)
        case 1:
            parent.append(child)
        case 2:
            random.shuffle(children)
            parent[:] = children
        case 3:
            child.append(ET.Element(random.choice([element.tag for element in root.iter()])))
        case 4:
            child.tag = random.choice([element.tag for element in root.iter()])
        case _:
            child.text = random.choice(_STRANGE)
