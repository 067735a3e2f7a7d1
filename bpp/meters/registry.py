"""Acts on the registry of meters: each is on record, and has contracts and days of the meter looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bpp.deliveries.upkeep import note_readings
from metering.registration.exchanges import RegisterExchange, record_exchange
from metering.registration.record import MeterIdentity, MeterRegistration, MeterTerms
from metering.registration.registry import MeterRegistry
from metering.vee.concerned import Spans, spans_of_exchange, spans_of_terms
from metering.vee.due import note_spans
from node.audit import Actor, record_act
from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """Who acts; `holder` is whose key it is where that may act on its own meters only, None for all."""

    actor: Actor
    holder: str | None = None


async def register_meter(
    uow: UnitOfWork,
    meter: MeterIdentity,
    terms: MeterTerms,
    *,
    valid_from: datetime,
    by: Registrar,
    why: str,
    now: datetime,
) -> MeterRegistration:
    """Keep the next version of what is said of a meter, and put the act on record.

    Raises: MeterRegistrationInvalid, ExternalIdTaken, UsagePointForeign.
    """
    registry = MeterRegistry(uow.connection)
    made = await registry.add(
        meter, terms, valid_from=valid_from, holder=by.holder, made_by=by.actor.who, why=why, now=now
    )
    before = [item for item in await registry.versions(made.meter.mrid) if item.meter == made.meter]
    former = max((item for item in before if item != made), key=lambda item: item.version, default=None)
    act = by.actor.act(
        "meter.registered",
        made.meter.mrid,
        before=None if former is None else former.to_record(),
        after=made.to_record(),
        why=why,
    )
    await record_act(uow, act, now=now)
    spans = await spans_of_terms(uow.connection, made.meter, valid_from=valid_from, now=now)
    await note_spans(uow, spans, now=now)
    # Contracts are locked last by everybody, so that nobody waits in a circle.
    await _note(uow, made.meter, spans, now=now)
    return made


async def exchange_register(
    uow: UnitOfWork,
    meter: MeterIdentity,
    exchange: RegisterExchange,
    *,
    by: Registrar,
    why: str,
    now: datetime,
) -> None:
    """Keep that registers of a meter were reset or exchanged, and put the act on record.

    Raises: MeterRegistrationInvalid, UsagePointUnknown, UsagePointForeign.
    """
    await MeterRegistry(uow.connection).check_known(meter, by.holder)
    await record_exchange(uow.connection, meter, exchange, made_by=by.actor.who, why=why, now=now)
    what = "meter.exchange_withdrawn" if exchange.withdrawn else "meter.register_exchanged"
    await record_act(uow, by.actor.act(what, meter.mrid, after=exchange.to_record(), why=why), now=now)
    spans = await spans_of_exchange(uow.connection, meter, direction=exchange.direction, at=exchange.at)
    await note_spans(uow, spans, now=now)
    await _note(uow, meter, spans, now=now)


async def _note(uow: UnitOfWork, meter: MeterIdentity, spans: Spans, *, now: datetime) -> None:
    revised = [(meter.mrid, span) for _, span in spans]
    await note_readings(uow, meters=[meter.mrid], now=now, revised=revised)
