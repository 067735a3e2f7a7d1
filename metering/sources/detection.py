"""In which form a file's readings are: told by its content, never by its name."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import BinaryIO, Final

from metering.sources.ports import SourceUnreadable

_HEAD_BYTES: Final = 8_192
_ROOT: Final = re.compile(rb"<(?![?!])[^>]*>", re.DOTALL)
_PAYLOAD_TEXT: Final = re.compile(rb'"payload"\s*:\s*"')
_REMARK: Final = re.compile(rb"<!--.*?-->", re.DOTALL)


class Form(StrEnum):
    """The forms that readings come in."""

    SEP = "2030.5"
    ESPI = "green-button"
    CSV = "csv"
    OCPP = "ocpp"
    SIGNED = "signed-json"


def form_of(stream: BinaryIO) -> Form:
    """Return the form of a file, and leave the stream at its beginning. Raises: SourceUnreadable."""
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceUnreadable(
            "the file is written in UTF-16", hint="Save it in UTF-8; or say --format, if it is XML."
        )
    if not start:
        raise SourceUnreadable("the file is empty")
    if start.startswith(b"<"):
        return _xml(start)
    if start.startswith((b"{", b"[")):
        return _json(start)
    if start.startswith(b"#"):
        rest = b"\n".join(line for line in start.splitlines() if not line.startswith(b"#")).lstrip()
        return _json(rest) if rest.startswith((b"{", b"[")) else Form.CSV
    if b"\0" in start or b"\n" not in start:
        raise SourceUnreadable("the file is in no form that is known here", hint="Say it by --format.")
    return Form.CSV


def _xml(start: bytes) -> Form:
    roots = b"".join(_ROOT.findall(_REMARK.sub(b"", start))[:4])
    if b"http://www.w3.org/2005/Atom" in roots:
        return Form.ESPI
    if b"2030.5" in roots:
        return Form.SEP
    raise SourceUnreadable(
        "the XML is neither a 2030.5 document nor a Green Button feed", hint="Say it by --format."
    )


def _json(start: bytes) -> Form:
    """Return the form of the first line, of which only the beginning may be there."""
    line = start.split(b"\n", 1)[0]
    if line.startswith(b"[") or b'"action"' in line or b'"message"' in line:
        return Form.OCPP
    is_signed = b'"signature"' in line or b"degnode-readings-" in line or _PAYLOAD_TEXT.search(line)
    return Form.SIGNED if b'"payload"' in line and is_signed else Form.OCPP
