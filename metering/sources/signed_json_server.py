"""The route for readings that meters sign: `POST /api/v1/readings`, one envelope a request.

The signature says who sends it, so that no API key is needed. The answer has a verdict for each reading;
it is given when the readings are kept, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from kernel.clock import Clock, format_instant
from metering.ingest import IngestResult, OnRecorded, record_submission
from metering.registration.record import MeterIdentity
from metering.registration.resolver import find_registration
from metering.sources.json_lines import GREATEST_JSON_BYTES
from metering.sources.meter_keys import FindMeterKey
from metering.sources.signed_json import (
    AgeLimits,
    SignedReading,
    SignedReadings,
    SignedReadingsMalformed,
    SignedReadingsTooMany,
    excess,
    read_signed_readings,
)
from metering.sources.signed_source import document_of
from metering.submission import Submission
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeLimits
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

_REFUSED: Final = "REFUSED"
_ABOVE_MAXIMUM: Final = "ABOVE_PHYSICAL_MAXIMUM"
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "The envelope or its payload cannot be read, or it is too old."},
    401: {"description": "It is not signed by a key that its meter has here."},
    409: {"description": "Several devices use the meter's mRID."},
    413: {"description": "It is over the limit of bytes or of readings."},
    415: {"description": "It is no JSON."},
    503: {"description": "The database cannot be reached; send it again later."},
}
_ENVELOPE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["key", "signature", "payload"],
    "properties": {
        "key": {"type": "string", "description": "The name of the meter's key."},
        "signature": {"type": "string", "description": "Ed25519 over the bytes of payload, in base64."},
        "payload": {"type": "string", "description": "The signed JSON text."},
    },
}


class SignedReadingsMediaType(SignedReadingsMalformed):
    """A body is in a form that is not taken here."""

    code, http_status = "METER_MEDIA_TYPE_UNSUPPORTED", 415


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What the route works with."""

    uow_factory: UnitOfWorkFactory
    clock: Clock
    find_key: FindMeterKey
    on_recorded: OnRecorded
    ages: AgeLimits
    limits: TimeLimits

    async def take(self, raw: bytes) -> dict[str, Any]:
        """Return the answer to an envelope whose readings are kept by then."""
        now = self.clock.now()
        signed = read_signed_readings(raw, find_key=self.find_key, now=now, limits=self.ages)
        async with self.uow_factory() as uow:
            greatest = signed.key.greatest_watts or await _registered_watts(signed, uow, now)
            refused = {
                id(each): why
                for each in signed.readings
                if (why := excess(each.reading, greatest)) is not None
            }
            taken = [each for each in signed.readings if id(each) not in refused]
            result = await self._record(signed, taken, uow, now) if taken else None
        verdicts = _verdicts(signed, taken, refused, result)
        return _answer(signed, verdicts)

    async def _record(
        self,
        signed: SignedReadings,
        taken: Sequence[SignedReading],
        uow: UnitOfWork,
        now: datetime,
    ) -> IngestResult:
        submitted = Submission(
            document=document_of(signed, taken),
            raw=signed.raw,
            sender=f"signed:{signed.meter.mrid}",
            speaks_for_all=True,  # of this meter alone, whose key it is
        )
        result = await record_submission(submitted, uow=uow, now=now, limits=self.limits)
        await self.on_recorded(uow, [result], now)
        return result


def signed_json_router(
    *,
    uow_factory: UnitOfWorkFactory,
    clock: Clock,
    find_key: FindMeterKey,
    on_recorded: OnRecorded,
    ages: AgeLimits | None = None,
    limits: TimeLimits = DEFAULT_TIME_LIMITS,
) -> APIRouter:
    """Return the route; `find_key` knows the meters' keys."""
    desk = _Desk(
        uow_factory=uow_factory,
        clock=clock,
        find_key=find_key,
        on_recorded=on_recorded,
        ages=ages or AgeLimits(),
        limits=limits,
    )
    router = APIRouter(prefix="/api/v1", tags=["metering"])

    @router.post(
        "/readings",
        summary="Take readings that a meter has signed",
        responses=_REFUSALS,
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ENVELOPE}}}
        },
    )
    async def take_readings(request: Request) -> JSONResponse:
        return JSONResponse(await desk.take(await _body(request)))

    return router


async def _body(request: Request) -> bytes:
    """Return the body, read no further than the limit. Raises: SignedReadingsMalformed in its kinds."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise SignedReadingsMediaType(
            f"media type {media_type[:60]!r} is not taken", hint="Send application/json."
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > GREATEST_JSON_BYTES:
            raise SignedReadingsTooMany(f"a document has at most {GREATEST_JSON_BYTES} bytes")
    return bytes(body)


async def _registered_watts(signed: SignedReadings, uow: UnitOfWork, now: datetime) -> int | None:
    """Return what the meter's connection can carry, if that is registered."""
    meter = MeterIdentity(mrid=signed.meter.mrid)
    registration = await find_registration(uow.connection, meter, at=now)
    return None if registration is None else registration.terms.sanctioned_watts


@dataclass(frozen=True, slots=True)
class _Verdict:
    word: str
    reason: str | None = None
    sentence: str | None = None


def _verdicts(
    signed: SignedReadings,
    taken: Sequence[SignedReading],
    refused: Mapping[int, str],
    result: IngestResult | None,
) -> list[tuple[SignedReading, _Verdict]]:
    """Return each reading as it was signed with what became of it."""
    found = {id_: _Verdict(_REFUSED, _ABOVE_MAXIMUM, why) for id_, why in refused.items()}
    if result is not None:
        doubts = {item.ordinal: item.doubt for item in result.quarantined}
        for ordinal, (each, verdict) in enumerate(zip(_in_document(taken), result.verdicts(), strict=True)):
            doubt = doubts.get(ordinal)
            found[id(each)] = (
                _Verdict(verdict.value)
                if doubt is None
                else _Verdict(verdict.value, doubt.reason.value, doubt.sentence)
            )
    return [(each, found[id(each)]) for each in signed.readings]


def _in_document(taken: Sequence[SignedReading]) -> list[SignedReading]:
    """Return the readings as their document orders them: register by register."""
    registers = {each.register: number for number, each in reversed(list(enumerate(taken)))}
    return sorted(taken, key=lambda each: registers[each.register])


def _answer(signed: SignedReadings, verdicts: Sequence[tuple[SignedReading, _Verdict]]) -> dict[str, Any]:
    return {
        "meter": signed.meter.mrid,
        "readings": [_written(each, verdict) for each, verdict in verdicts],
    }


def _written(each: SignedReading, verdict: _Verdict) -> dict[str, Any]:
    period = each.reading.time_period
    said: dict[str, Any] = {
        "index": each.ordinal,
        "direction": each.register.direction.name.lower(),
        "start": None if period is None else format_instant(datetime.fromtimestamp(period.start, UTC)),
        "verdict": verdict.word.lower(),
    }
    if verdict.reason is not None:
        said |= {"reason": verdict.reason, "sentence": verdict.sentence}
    return said
