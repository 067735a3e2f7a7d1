"""Which column of a CSV file says what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

from metering.energy import Direction
from metering.sources.csv_heading import CsvHeading
from metering.sources.naming import ReadMeterName, meter_by_mrid
from metering.sources.ports import SourceUnreadable

FIELDS: Final = (
    "meter", "register", "direction", "start", "end", "duration", "fold", "wh", "kwh", "quality",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvOptions:
    """How a CSV file is to be read, where it does not say so itself.

    `columns` gives the file's own headings of fields; `meter`, `direction` and `seconds`, the length of
    an interval, stand for columns that are not there.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo | None = None
    decimal_comma: bool = False
    meter: str | None = None
    direction: Direction | None = None
    seconds: int | None = None
    name_of: ReadMeterName = meter_by_mrid

    def __str__(self) -> str:
        """Return what these options say, as it is kept beside the lines that were read by them."""
        said = {
            **{f"column {name}": heading for name, heading in sorted(self.columns.items())},
            "zone": self.zone,
            "decimal": "comma" if self.decimal_comma else None,
            "meter": self.meter,
            "direction": None if self.direction is None else self.direction.name.lower(),
            "interval": self.seconds,
        }
        return ", ".join(f"{name}={value}" for name, value in said.items() if value is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLayout:
    """Where in a line each field stands; a field that the file does not have is not in `at`."""

    at: Mapping[str, int]
    heading: CsvHeading

    @property
    def delimiter(self) -> str:
        return self.heading.delimiter

    @property
    def width(self) -> int:
        return len(self.heading.names)


def layout_of(heading: CsvHeading, options: CsvOptions) -> CsvLayout:
    """Return the layout that the headings of a file give it. Raises: SourceUnreadable."""
    names = heading.names
    wanted = {options.columns.get(name, name).casefold(): name for name in FIELDS}
    at: dict[str, int] = {}
    for number, name in enumerate(names):
        field_name = wanted.get(name.casefold())
        if field_name is None:
            continue
        if field_name in at:
            raise SourceUnreadable(f"there are two columns {name!r}", path="line 1", hint="Remove one.")
        at[field_name] = number
    _check(at, names, options)
    return CsvLayout(at=at, heading=heading)


def _check(at: Mapping[str, int], names: Sequence[str], options: CsvOptions) -> None:
    unknown = sorted(set(options.columns) - set(FIELDS))
    if unknown:
        raise SourceUnreadable(
            f"there is no field {unknown[0]!r}", hint=f"The fields are {', '.join(FIELDS)}."
        )
    absent = [heading for name, heading in options.columns.items() if name not in at]
    if absent:
        raise SourceUnreadable(
            f"there is no column {absent[0]!r}",
            path="line 1",
            hint=f"The file has {', '.join(map(repr, names[:30]))}.",
        )
    needs = (
        ("meter" in at or options.meter is not None, "the meter's mRID in `meter`, or --meter"),
        (
            "direction" in at or options.direction is not None,
            "import or export in `direction`, or --direction",
        ),
        ("start" in at, "when an interval starts in `start`"),
        (
            "end" in at or "duration" in at or options.seconds is not None,
            "when it ends in `end`, its seconds in `duration`, or --interval",
        ),
        (("wh" in at) != ("kwh" in at), "the energy in one of `wh` and `kwh`"),
    )
    for holds, what in needs:
        if not holds:
            raise SourceUnreadable(
                f"the file does not say {what}",
                path="line 1",
                hint=f"Name its column so, or say which it is by --column NAME=HEADING. It has "
                f"{', '.join(map(repr, names[:30]))}.",
            )
