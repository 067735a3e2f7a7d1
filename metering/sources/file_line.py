"""One line of a file, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from metering.documents import Reading
from metering.energy import Direction
from metering.sources.naming import MeterName


class RegisterName(NamedTuple):
    """A register as a file tells it apart: its name, which may be empty, direction and form."""

    name: str
    direction: Direction
    stands: bool = False


class Line(NamedTuple):
    """One line of a file: what it says of which registers of a meter. Units: the values are in Wh."""

    meter: MeterName
    readings: Sequence[tuple[RegisterName, Reading]]
    number: int
    raw: bytes
