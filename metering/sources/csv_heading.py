"""The first line of a CSV file: its names, what stands between them, and whether reasons stand behind."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import Final

from metering.sources.ports import SourceUnreadable

GREATEST_CSV_LINE_BYTES: Final = 65_536
DELIMITERS: Final = (",", ";", "\t", "|")
REJECT_COLUMNS: Final = ("reject_code", "reject_reason")
"""What a reject file has further: they are taken off each line, so that a mended file is taken as it is."""
_BOM: Final = b"\xef\xbb\xbf"
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvHeading:
    """The headings of a file, as `text` has them; `names` are without those of a reject file."""

    text: str
    names: tuple[str, ...]
    delimiter: str
    has_reasons: bool

    def own_part(self, line: str) -> str:
        """Return a line without the code and the reason behind it, if an earlier import put them there."""
        if not self.has_reasons:
            return line
        between = re.escape(self.delimiter)
        code = r"[A-Z][A-Z0-9_]+"
        reasons = rf'{between}(?:{code}|"{code}"){between}(?:"[^"]*"|[^"{between}]+){between}*\Z'
        return re.sub(reasons, "", line)


def read_heading(first: bytes) -> CsvHeading:
    """Return what the first line of a file says. Raises: SourceUnreadable."""
    try:
        text = first.removeprefix(_BOM).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = None
    if text is None or len(first) > GREATEST_CSV_LINE_BYTES:
        raise SourceUnreadable("the first line is no headings in UTF-8", path="line 1")
    delimiter = max(DELIMITERS, key=_QUOTED.sub("", text).count)
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter, strict=True), [])]
    except csv.Error as error:
        raise SourceUnreadable(
            f"the quotes of the headings do not fit together: {error}", path="line 1"
        ) from error
    has_reasons = tuple(names[-2:]) == REJECT_COLUMNS
    return CsvHeading(
        text=text,
        names=tuple(names[:-2] if has_reasons else names),
        delimiter=delimiter,
        has_reasons=has_reasons,
    )
