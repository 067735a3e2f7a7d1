"""What every entry of a seller's files is made of: exact amounts, names that exist, known keys."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from kernel.clock import format_instant
from kernel.currency import Currency, UnknownCurrency
from kernel.energy import Energy, NotWholeWattHours
from kernel.interval import Interval
from kernel.local_days import find_zone
from kernel.mrid import MridInvalid, canonical_mrid
from kernel.plain_text import one_line


def _currency(code: str) -> str:
    try:
        return Currency(code).code
    except UnknownCurrency as error:
        raise ValueError(str(error)) from error


def _zone(name: str) -> str:
    return find_zone(name).key


def _meter(text: str) -> str:
    try:
        canonical_mrid(text, lenient=True)
    except MridInvalid as error:
        raise ValueError(str(error)) from error
    return text


MOST_KWH: Final = 100_000_000_000
"""The most that one entry may say, 100 TWh: what all of them come to can be counted."""


def require_whole_watt_hours(kilowatt_hours: Decimal) -> Decimal:
    """Return an amount of energy that is not finer than a watt-hour, nor beyond all that there is.

    Raises: ValueError.
    """
    if abs(kilowatt_hours) > MOST_KWH:
        raise ValueError(f"{kilowatt_hours} kWh is more than {MOST_KWH} kWh")
    try:
        Energy.from_kwh(kilowatt_hours)
    except NotWholeWattHours as error:
        raise ValueError(str(error)) from error
    return kilowatt_hours


def _without_controls(text: str) -> str:
    """Let names and ids hold what every terminal, page and database takes."""
    if one_line(text) != text:
        raise ValueError(f"{one_line(text)!r} holds a control character: write it without")
    return text


def _text_of_number(value: object) -> object:
    """Let meters that are all digits be written without quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Kwh = Annotated[Decimal, Field(gt=0), AfterValidator(require_whole_watt_hours)]
Identifier = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_without_controls)]
Name = Annotated[str, AfterValidator(_without_controls)]
CurrencyCode = Annotated[str, AfterValidator(_currency)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Amount = Annotated[Decimal, Field(ge=0)]
MeterId = Annotated[str, BeforeValidator(_text_of_number), AfterValidator(_meter)]


class Entry(BaseModel):
    """A mapping of a file; keys that are not known are refused."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class WindowEntry(Entry):
    """A period, from `start` until just before `end`."""

    start: AwareDatetime
    end: AwareDatetime

    def to_domain(self) -> Interval:
        """Return the period. Raises: ValueError, if it is empty."""
        if self.end <= self.start:
            start, end = format_instant(self.start), format_instant(self.end)
            raise ValueError(f"the period that begins {start} and ends {end} is empty")
        return Interval(self.start, self.end)
