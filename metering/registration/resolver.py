"""From an id as anybody writes it to the meter that is meant: THE one function for it.

An id that is registered goes before its reading as an mRID: `100200300` may be anybody's plain number.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.interval import Interval
from metering.mrid import MridInvalid, canonical_mrid
from metering.registration.record import MeterAmbiguous, MeterIdentity, MeterRegistration, in_force, is_line
from metering.registration.registry import MeterRegistry
from metering.registration.tenure import Tenure, holder_at, holders_within, tenures_of


class MeterIdUnknown(MridInvalid):
    """An id is neither registered nor an mRID."""

    code, http_status, retryable = "METER_UNKNOWN", 404, False


async def resolve_meter(
    connection: AsyncConnection, meter: str, *, at: datetime, as_of: datetime | None = None
) -> MeterIdentity:
    """Return the meter that goes by `meter` at an instant: a registered id, or an mRID in any spelling.

    `as_of` leaves out what was registered later. Raises: MeterIdUnknown.
    """
    tenures = await _tenures(connection, meter, as_of)
    found = holder_at(tenures, at) or _read_as_mrid(meter)
    if found is None:
        raise _unknown(meter)
    return found


async def resolve_within(
    connection: AsyncConnection, meter: str, *, window: Interval, as_of: datetime | None = None
) -> list[tuple[MeterIdentity, Interval]]:
    """Return the meters that go by `meter` within a window, each with its part of it, in order of time.

    After an exchange of the device an id names another one; of a part where it names none nothing is
    returned. Raises: MeterIdUnknown, if it never named any.
    """
    tenures = await _tenures(connection, meter, as_of)
    otherwise = _read_as_mrid(meter)
    if not tenures and otherwise is None:
        raise _unknown(meter)
    return holders_within(tenures, window, otherwise=otherwise)


async def find_registration(
    connection: AsyncConnection, meter: MeterIdentity, *, at: datetime, as_of: datetime | None = None
) -> MeterRegistration | None:
    """Return what is registered of a meter at an instant, by what had been said at `as_of`.

    Raises: MeterAmbiguous, if several devices with its mRID are registered and none is meant.
    """
    versions = await MeterRegistry(connection).versions(meter.mrid, as_of=as_of)
    return in_force(of_meter(versions, meter), at)


def of_meter(versions: list[MeterRegistration], meter: MeterIdentity) -> list[MeterRegistration]:
    """Return those of an mRID's versions that are about `meter`. Raises: MeterAmbiguous."""
    if meter.device_lfdi is not None:
        return [item for item in versions if item.meter.device_lfdi in (None, meter.device_lfdi)]
    if len({item.meter.device_lfdi for item in versions} - {None}) > 1:
        raise MeterAmbiguous(f"several devices use the mRID {meter.mrid}", hint="Say which by its LFDI.")
    return versions


async def _tenures(connection: AsyncConnection, meter: str, as_of: datetime | None) -> list[Tenure]:
    if not is_line(meter):
        return []
    return tenures_of(meter, await MeterRegistry(connection).ever_called([meter], as_of=as_of))


def _read_as_mrid(meter: str) -> MeterIdentity | None:
    try:
        return MeterIdentity(mrid=canonical_mrid(meter, lenient=True))
    except MridInvalid:
        return None


def _unknown(meter: str) -> MeterIdUnknown:
    return MeterIdUnknown(
        f"{meter[:64]!r} is neither a registered meter nor an mRID",
        hint="Register it with its mRID (degnode meter register), or write the mRID: pairs of hexadecimal "
        "digits like 0100200300.",
    )
