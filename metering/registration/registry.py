"""Registrations of meters in PostgreSQL, within one transaction; they are only ever added to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.plain_text import one_line
from metering.mrid import MridInvalid, canonical_mrid
from metering.registration.record import (
    ExternalIdTaken,
    MeterIdentity,
    MeterRegistration,
    MeterRole,
    MeterTerms,
    check_terms,
)
from metering.registration.tables import meter_registrations
from metering.registration.tenure import conflicts, tenures_of
from metering.usage_point import UsagePointForeign, UsagePointUnknown

_TERMS: Final = tuple(field.name for field in fields(MeterTerms))
_COLUMNS: Final = ", ".join(f"r.{column.name}" for column in meter_registrations.c if column.name != "id")
_AS_KNOWN: Final = "(CAST(:as_of AS timestamptz) IS NULL OR r.recorded_at <= CAST(:as_of AS timestamptz))"
_OF_MRID: Final = text(
    f"""
    SELECT {_COLUMNS} FROM meter_registrations AS r WHERE r.mrid = :mrid AND {_AS_KNOWN}
    ORDER BY r.device_lfdi, r.valid_from, r.version
    """  # noqa: S608  nothing but names of columns
)
_EVER_CALLED: Final = text(
    f"""
    SELECT {_COLUMNS} FROM meter_registrations AS r
    WHERE (r.mrid, r.device_lfdi) IN (
        SELECT c.mrid, c.device_lfdi FROM meter_registrations AS c
        WHERE c.external_ids @> CAST(:external_ids AS text[])
    ) AND {_AS_KNOWN}
    """  # noqa: S608
)
# Of each meter the version in force; of one that is registered for the future only, the last of those.
_PAGE: Final = text(
    f"""
    SELECT DISTINCT ON (r.mrid, r.device_lfdi) {_COLUMNS} FROM meter_registrations AS r
    WHERE (r.mrid, r.device_lfdi) > (:mrid, :device_lfdi)
    ORDER BY r.mrid, r.device_lfdi, (r.valid_from <= :at) DESC, r.valid_from DESC, r.version DESC
    LIMIT :limit
    """  # noqa: S608
)
_DEVICES: Final = text("SELECT device_lfdi, sender FROM meter_usage_points WHERE mrid = :mrid")


class MeterRegistry:
    """Registrations of meters within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def versions(self, mrid: str, *, as_of: datetime | None = None) -> list[MeterRegistration]:
        """Return all that was said by `as_of` of the meters with a canonical `mrid`, by device and time."""
        return await self._read(_OF_MRID, mrid=mrid, as_of=as_of)

    async def ever_called(
        self, external_ids: Iterable[str], *, as_of: datetime | None = None
    ) -> list[MeterRegistration]:
        """Return all that was said by `as_of` of every meter that ever went by all of these ids."""
        return await self._read(_EVER_CALLED, external_ids=list(external_ids), as_of=as_of)

    async def page(
        self, *, at: datetime, after: MeterIdentity | None = None, limit: int
    ) -> list[MeterRegistration]:
        """Return the registrations in force of some meters, by mRID, from behind `after` on."""
        mrid, lfdi = ("", "") if after is None else (after.mrid, after.device_lfdi or "")
        return await self._read(_PAGE, at=at, mrid=mrid, device_lfdi=lfdi, limit=limit)

    async def add(
        self,
        meter: MeterIdentity,
        terms: MeterTerms,
        *,
        valid_from: datetime,
        holder: str | None,
        made_by: str,
        why: str,
        now: datetime,
    ) -> MeterRegistration:
        """Keep the next version of what is said of a meter; the first may name it for others.

        A `holder` registers only what it feeds itself or registered before, or what nobody did, and by no
        other mRID than the meter's own; None is the operator. A meter whose device is not told is that of
        the only device which reports it.
        Raises: MeterRegistrationInvalid, ExternalIdTaken, UsagePointForeign.
        """
        check_terms(meter, terms)
        await self._connection.execute(text("LOCK TABLE meter_registrations IN SHARE ROW EXCLUSIVE MODE"))
        versions = await self.versions(meter.mrid)
        meter = _told(meter, versions, [device for device, _ in await self._devices(meter.mrid)])
        await self.check_holder(meter, holder)
        registration = MeterRegistration(
            meter=meter,
            version=1 + max((item.version for item in versions if item.meter == meter), default=0),
            terms=terms,
            valid_from=valid_from,
            recorded_at=now,
            holder=holder,
            made_by=one_line(made_by),
            why=one_line(why),
        )
        for name in terms.external_ids:
            await self._check_free(name, registration)
        await self._connection.execute(insert(meter_registrations).values(**_row(registration)))
        return registration

    async def check_known(self, meter: MeterIdentity, holder: str | None) -> None:
        """Refuse a holder what is not known to be its own. Raises: UsagePointUnknown, UsagePointForeign."""
        if holder is None:
            return
        await self.check_holder(meter, holder)
        if not (await self._senders(meter) or await self.versions(meter.mrid)):
            raise UsagePointUnknown(
                f"there is no meter {meter.mrid}", path="mrid", hint="Let it report, or register it first."
            )

    async def check_holder(self, meter: MeterIdentity, holder: str | None) -> None:
        """Refuse a holder what somebody else feeds or registered. Raises: UsagePointForeign."""
        if holder is None:
            return
        others = await self._senders(meter) | {item.holder for item in await self.versions(meter.mrid)}
        if others - {holder}:
            raise UsagePointForeign(
                f"the meter {meter.mrid} is somebody else's",
                path="mrid",
                hint="Ask the operator to register it: degnode meter register.",
            )

    async def _senders(self, meter: MeterIdentity) -> set[str | None]:
        """Return who feeds a meter; of any device, where it is not told."""
        devices = await self._devices(meter.mrid)
        return {sender for device, sender in devices if meter.device_lfdi in (None, device)}

    async def _devices(self, mrid: str) -> list[tuple[str, str]]:
        """Return the LFDIs under which an mRID is reported, each with its sender."""
        rows = await self._connection.execute(_DEVICES, {"mrid": mrid})
        return [(row.device_lfdi, row.sender) for row in rows]

    async def _check_free(self, name: str, registration: MeterRegistration) -> None:
        """Refuse an id that another meter goes by, or will, or that is or may become another's mRID.

        The operator knows which meters are to come, a holder does not.
        """
        tenures = tenures_of(name, [*await self.ever_called([name]), registration])
        mine = [item for item in tenures if item.meter == registration.meter]
        for other in tenures:
            if conflicts(other.meter, registration.meter) and any(item.overlaps(other) for item in mine):
                raise _taken(name, other.meter)
        try:
            read = canonical_mrid(name, lenient=True)
        except MridInvalid:
            return
        if read == registration.meter.mrid:
            return
        if await self._is_known(read):
            raise _taken(name, MeterIdentity(mrid=read))
        if registration.holder is not None:
            raise ExternalIdTaken(
                f"{name!r} is how the mRID of another meter is written",
                path="external_ids",
                hint="Ask the operator to register it: degnode meter register.",
            )

    async def _is_known(self, mrid: str) -> bool:
        return bool(await self._devices(mrid) or await self.versions(mrid))

    async def _read(self, query: Any, **values: Any) -> list[MeterRegistration]:  # noqa: ANN401
        rows = (await self._connection.execute(query, values)).mappings()
        return [_registration(row) for row in rows]


def _told(
    meter: MeterIdentity, versions: Sequence[MeterRegistration], devices: Sequence[str]
) -> MeterIdentity:
    """Return the meter with its device, where it is not told but there is only one that can be meant."""
    if meter.device_lfdi is not None:
        return meter
    registered = {item.meter for item in versions}
    if meter in registered:
        return meter
    if len(registered) == 1:
        return registered.pop()
    is_told = len(devices) == 1 and not registered
    return MeterIdentity(mrid=meter.mrid, device_lfdi=devices[0] or None) if is_told else meter


def _taken(name: str, meter: MeterIdentity) -> ExternalIdTaken:
    return ExternalIdTaken(
        f"the meter {meter.mrid} goes by {name!r}",
        path="external_ids",
        hint="Register that meter without the id first, from the instant at which the other takes it over.",
    )


def _row(item: MeterRegistration) -> dict[str, Any]:
    said = asdict(item.terms) | {
        "role": item.terms.role.value,
        "external_ids": list(item.terms.external_ids),
    }
    return said | {
        "mrid": item.meter.mrid,
        "device_lfdi": item.meter.device_lfdi or "",
        "version": item.version,
        "valid_from": item.valid_from,
        "recorded_at": item.recorded_at,
        "holder": item.holder,
        "made_by": item.made_by,
        "why": item.why,
    }


def _registration(row: RowMapping) -> MeterRegistration:
    said = {name: row[name] for name in _TERMS} | {
        "role": MeterRole(row["role"]),
        "external_ids": tuple(row["external_ids"]),
    }
    return MeterRegistration(
        meter=MeterIdentity(mrid=row["mrid"], device_lfdi=row["device_lfdi"] or None),
        version=row["version"],
        terms=MeterTerms(**said),
        valid_from=row["valid_from"],
        recorded_at=row["recorded_at"],
        holder=row["holder"],
        made_by=row["made_by"],
        why=row["why"],
    )
