"""That a register was reset or exchanged, as an operator says: no difference spans that instant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.clock import format_instant
from kernel.plain_text import one_line
from metering.energy import MAX_WATT_HOURS, Direction
from metering.register_rule import Exchange, RegisterRule, Terms
from metering.registration.record import (
    MeterIdentity,
    MeterRegistration,
    MeterRegistrationInvalid,
    MeterTerms,
    in_force,
)
from metering.registration.registry import MeterRegistry
from metering.registration.resolver import of_meter
from metering.registration.tables import meter_register_exchanges


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterExchange:
    """The registers of one direction were reset or exchanged at `at`, or `withdrawn`: they were not.

    Units: `last` and `first` in Wh, what the old register showed at the end and the new one at the
    start; None: nobody read it, and what flowed between the stands around is not known.
    """

    direction: Direction
    at: datetime
    last: int | None = None
    first: int | None = None
    withdrawn: bool = False

    def to_record(self) -> dict[str, Any]:
        """Return what stands in the audit log of it."""
        return {
            "direction": self.direction.name.lower(),
            "at": format_instant(self.at),
            "last_watt_hours": self.last,
            "first_watt_hours": self.first,
            "withdrawn": self.withdrawn,
        }


_EXCHANGES: Final = text(
    """
    SELECT e.direction, e.at, e.last_watt_hours, e.first_watt_hours, e.withdrawn
    FROM meter_register_exchanges AS e
    WHERE e.mrid = :mrid
      AND (CAST(:device_lfdi AS text) IS NULL OR e.device_lfdi IN ('', CAST(:device_lfdi AS text)))
      AND (CAST(:as_of AS timestamptz) IS NULL OR e.recorded_at <= CAST(:as_of AS timestamptz))
    ORDER BY e.id
    """
)


async def record_exchange(
    connection: AsyncConnection,
    meter: MeterIdentity,
    exchange: RegisterExchange,
    *,
    made_by: str,
    why: str,
    now: datetime,
) -> None:
    """Keep that registers of a meter were reset or exchanged; of the same instant, the last word counts.

    Raises: MeterRegistrationInvalid.
    """
    if exchange.at > now:
        raise MeterRegistrationInvalid(
            "it lies in the future", path="at", hint="Say it when it has happened."
        )
    for name, stand in (("last", exchange.last), ("first", exchange.first)):
        if stand is not None and not 0 <= stand <= MAX_WATT_HOURS:
            raise MeterRegistrationInvalid(f"no register stands at {stand} Wh", path=name)
    await connection.execute(
        insert(meter_register_exchanges).values(
            mrid=meter.mrid,
            device_lfdi=meter.device_lfdi or "",
            direction=exchange.direction.value,
            at=exchange.at,
            last_watt_hours=exchange.last,
            first_watt_hours=exchange.first,
            withdrawn=exchange.withdrawn,
            recorded_at=now,
            made_by=one_line(made_by),
            why=one_line(why),
        )
    )


async def list_exchanges(
    connection: AsyncConnection, meter: MeterIdentity, *, as_of: datetime | None = None
) -> list[RegisterExchange]:
    """Return the exchanges of a meter's registers that stand, by what had been said at `as_of`."""
    rows = await connection.execute(
        _EXCHANGES, {"mrid": meter.mrid, "device_lfdi": meter.device_lfdi, "as_of": as_of}
    )
    latest = {
        (row.at, row.direction): RegisterExchange(
            direction=Direction(row.direction),
            at=row.at,
            last=row.last_watt_hours,
            first=row.first_watt_hours,
            withdrawn=row.withdrawn,
        )
        for row in rows
    }
    return [latest[key] for key in sorted(latest) if not latest[key].withdrawn]


async def register_rules(
    connection: AsyncConnection, meter: MeterIdentity, *, as_of: datetime | None = None
) -> dict[Direction, RegisterRule]:
    """Return how the registers of a meter count, by what had been registered at `as_of`.

    Raises: MeterAmbiguous.
    """
    versions = of_meter(await MeterRegistry(connection).versions(meter.mrid, as_of=as_of), meter)
    exchanges = await list_exchanges(connection, meter, as_of=as_of)
    return {
        direction: RegisterRule(_terms(versions, direction), _exchanges(exchanges, direction))
        for direction in Direction
    }


def _terms(versions: Sequence[MeterRegistration], direction: Direction) -> Sequence[Terms]:
    starts = sorted({item.valid_from for item in versions})
    said = ((start, in_force(versions, start)) for start in starts)
    return [
        Terms(_second(start), _modulus(item.terms, direction), item.terms.sanctioned_watts)
        for start, item in said
        if item is not None
    ]


def _modulus(terms: MeterTerms, direction: Direction) -> int | None:
    return terms.import_modulus if direction is Direction.IMPORT else terms.export_modulus


def _exchanges(exchanges: Iterable[RegisterExchange], direction: Direction) -> Sequence[Exchange]:
    return [
        Exchange(_second(item.at), item.last, item.first) for item in exchanges if item.direction is direction
    ]


def _second(instant: datetime) -> int:
    return int(instant.timestamp())
