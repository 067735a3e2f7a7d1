"""The file of what was not taken: in the form of the file it comes from, with reasons, to be mended.

A mended file is imported as it is; what was taken before is not in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from kernel.errors import NodeError
from kernel.plain_text import one_line
from metering.sources.csv_heading import REJECT_COLUMNS, read_heading
from metering.sources.detection import Form
from metering.sources.ports import Reject

_EXTENSIONS: Final = {
    Form.SEP: "xml",
    Form.ESPI: "xml",
    Form.CSV: "csv",
    Form.OCPP: "jsonl",
    Form.SIGNED: "jsonl",
}
_XML_START: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n<rejected>\n'
_XML_END: Final = b"</rejected>\n"
_DASHES: Final = re.compile("-+")  # two of them would end a comment
_GREATEST_NUMBER: Final = 1_000


class RejectFileUnwritable(NodeError):
    """What was rejected cannot be written down beside the file that it comes from."""

    code, http_status, retryable = "METER_REJECTS_UNWRITABLE", 500, False


class RejectFile:
    """Collects rejects beside `source` while it is read; `finish` gives the file its name.

    A name that is taken by another content, such as one that somebody mends, is left alone.
    """

    def __init__(self, source: Path, form: Form, *, heading: bytes = b"") -> None:
        self._source = source
        self._form = form
        self._csv = _CsvRejects(heading) if form is Form.CSV else None
        self._part = source.with_name(f"{source.name}.rejects.{os.getpid()}.part")
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with suppress(OSError):  # what is thrown away need not be written
                self._file.close()
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def add(self, reject: Reject) -> None:
        """Write down one more. Raises: RejectFileUnwritable."""
        with self._writing():
            if self._file is None:
                self._file = self._part.open("wb")
                self._file.write(self._start())
            self._file.write(self._written(reject))

    def finish(self) -> Path | None:
        """Return the file's final path, or None if nothing was rejected. Raises: RejectFileUnwritable."""
        if self._file is None:
            return None
        with self._writing():
            self._file.write(_XML_END if self._is_xml else b"")
            self._file.close()
            path = self._claimed_name()
            self._part.replace(path)
            self._file = None
        return path

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RejectFileUnwritable(
                f"what was rejected cannot be written down: {error.strerror or error}",
                path=str(self._part),
                hint="Make room beside the file, or import a copy of it elsewhere: what was taken is not "
                "taken twice.",
            ) from error

    @property
    def _is_xml(self) -> bool:
        return self._form in (Form.SEP, Form.ESPI)

    def _start(self) -> bytes:
        if self._is_xml:
            return _XML_START.replace(b"<rejected>", _ROOTS[self._form])
        return self._csv.heading if self._csv else b""

    def _written(self, reject: Reject) -> bytes:
        if self._csv:
            return self._csv.lines(reject)
        words = one_line(f"{reject.place}: {reject.code}: {reject.sentence}")
        if self._is_xml:
            return f"<!-- {_DASHES.sub('-', words)} -->\n".encode() + reject.raw + b"\n"
        return f"# {words}\n".encode() + reject.raw

    def _claimed_name(self) -> Path:
        """Return a name that nobody else has, or that of a file of the same content."""
        content = self._part.read_bytes()
        for number in range(1, _GREATEST_NUMBER):
            suffix = "" if number == 1 else f"-{number}"
            path = self._source.with_name(f"{self._source.name}.rejects{suffix}.{_EXTENSIONS[self._form]}")
            try:
                path.open("xb").close()
            except FileExistsError:
                if path.read_bytes() != content:
                    continue
            return path
        raise FileExistsError(f"there are {_GREATEST_NUMBER - 1} files of rejects beside it")


_ROOTS: Final = {
    Form.SEP: b'<rejected xmlns="urn:ieee:std:2030.5:ns">',
    Form.ESPI: b'<rejected xmlns="http://www.w3.org/2005/Atom">',
}


class _CsvRejects:
    """Lines of CSV with a code and a reason behind them; of a line's own cells nothing is changed."""

    def __init__(self, first: bytes) -> None:
        self._heading = read_heading(first)
        further = () if self._heading.has_reasons else REJECT_COLUMNS
        self.heading = (self._heading.delimiter.join([self._heading.text, *further]) + "\n").encode()

    def lines(self, reject: Reject) -> bytes:
        between = self._heading.delimiter
        reasons = f"{between}{reject.code}{between}{_quoted(reject.sentence)}\n".encode()
        return b"".join(
            self._own_part(line) + reasons for line in reject.raw.removesuffix(b"\n").split(b"\n")
        )

    def _own_part(self, line: bytes) -> bytes:
        text = line.decode(errors="surrogateescape").rstrip("\r")
        return self._heading.own_part(text).encode(errors="surrogateescape")


def _quoted(sentence: str) -> str:
    return '"' + one_line(sentence).replace('"', "'") + '"'
