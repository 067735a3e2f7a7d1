"""What meters and registers are called here, when a file calls them something else."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final, NamedTuple

from kernel.errors import NodeError
from metering.energy import Direction
from metering.mrid import canonical_mrid, is_provisional

_UUID: Final = re.compile(r"(?:urn:uuid:)?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")


class MeterNameInvalid(NodeError):
    """A meter's name in a file is none by which a meter is known here."""

    code, http_status, retryable = "METER_ID_INVALID", 400, False


class MeterName(NamedTuple):
    """A meter: its canonical mRID, what the file calls it, and its device where that is known."""

    mrid: str
    as_written: str
    device_lfdi: str = ""


ReadMeterName = Callable[[str], MeterName]
"""Returns the meter that a file's name means. Raises: NodeError."""


def meter_by_mrid(text: str) -> MeterName:
    """Return the meter that an mRID in any spelling names; a UUID is one of 128 bits.

    Raises: MridInvalid, MeterNameInvalid.
    """
    written = text.strip()
    mrid = mrid_of_uuid(written) or canonical_mrid(written, lenient=True)
    if is_provisional(mrid):
        raise MeterNameInvalid(f"{written!r} is the mRID of an object still being created")
    return MeterName(mrid, written)


def mrid_of_uuid(text: str) -> str | None:
    """Return the 128 bits of a UUID as an mRID, or None where `text` is no UUID."""
    match = _UUID.fullmatch(text)
    return match[1].replace("-", "").upper() if match else None


def derived_mrid(*parts: str) -> str:
    """Return an mRID for something that has none: the same parts have the same one, everywhere."""
    return sha256("\0".join(parts).encode()).hexdigest()[:32].upper()


def register_mrid(meter: str, name: str, direction: Direction, *, stands: bool) -> str:
    """Return the mRID of a register that a file names for itself, or leaves without a name.

    It is never that of a register which a device reports: a file cannot change what that register's
    values mean.
    """
    form = "stand" if stands else "interval"
    return derived_mrid("register", meter, name, direction.name, form)
