"""Readings that a meter signs with its own Ed25519 key: an envelope of JSON around the signed text.

The envelope is `{"key": …, "signature": …, "payload": …}`. The payload is a string: its UTF-8 bytes are
what is signed, so that the envelope may be written anew on its way and the signature still holds. It is
itself JSON: `{"form": "degnode-readings-1", "meter": …, "issued_at": …, "readings": [{"start", "end",
"import_wh" or "export_wh" or both; `wh` is `import_wh`; "quality" as words}, …]}`. The name of the form
keeps a signature for anything else from being taken for one of readings.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from kernel.clock import parse_instant
from kernel.errors import NodeError
from metering.documents import Reading, TimePeriod
from metering.energy import MAX_WATT_HOURS, Direction
from metering.quality import quality_of
from metering.sources.file_line import RegisterName
from metering.sources.json_lines import JsonUnreadable, read_json
from metering.sources.meter_keys import FindMeterKey, MeterKey
from metering.sources.naming import MeterName, ReadMeterName, meter_by_mrid

FORM: Final = "degnode-readings-1"
MOST_READINGS: Final = 2_000
_ENVELOPE: Final = frozenset({"key", "signature", "payload"})
_PAYLOAD: Final = frozenset({"form", "meter", "issued_at", "readings"})
_READING: Final = frozenset({"start", "end", "wh", "import_wh", "export_wh", "quality"})
_ENERGY: Final = {"import_wh": Direction.IMPORT, "wh": Direction.IMPORT, "export_wh": Direction.EXPORT}
_SECOND: Final = timedelta(seconds=1)
_TEXT_SHOWN: Final = 60
_PERCENT_OF_CAPACITY: Final = 120
_WATT_SECONDS_PER_WH: Final = 3_600


class SignedReadingsMalformed(NodeError):
    """Signed readings are not of their form."""

    code, http_status, retryable = "METER_READINGS_MALFORMED", 400, False


class SignedReadingsUntrusted(NodeError):
    """Readings are not signed by a key that their meter has here."""

    code, http_status, retryable = "METER_SIGNATURE_INVALID", 401, False


class SignedReadingsUntimely(NodeError):
    """Readings were issued too long ago, or in the future."""

    code, http_status, retryable = "METER_READINGS_UNTIMELY", 400, False


class SignedReadingsTooMany(NodeError):
    """A document holds more readings than one may."""

    code, http_status, retryable = "METER_READINGS_TOO_MANY", 413, False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeLimits:
    """How old signed readings may be when they come, and how far a meter's clock may be ahead."""

    greatest_age: timedelta | None = timedelta(days=1)
    clock_skew: timedelta = timedelta(seconds=120)


ANY_AGE: Final = AgeLimits(greatest_age=None)
"""For files: what was signed in time may be imported later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReading:
    """One register's energy in one period; `ordinal` is the place in the list of readings."""

    ordinal: int
    register: RegisterName
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReadings:
    """What a meter has signed, with the key that it signed with.

    `raw` is the signed text and the signature, without what stands around them and anybody may change.
    """

    meter: MeterName
    key: MeterKey
    issued_at: datetime
    readings: tuple[SignedReading, ...]
    raw: bytes


def read_signed_readings(
    raw: bytes,
    *,
    find_key: FindMeterKey,
    now: datetime,
    limits: AgeLimits,
    name_of: ReadMeterName = meter_by_mrid,
) -> SignedReadings:
    """Return what an envelope holds, if its meter has signed it lately.

    Raises: SignedReadingsMalformed, SignedReadingsUntrusted, SignedReadingsUntimely,
    SignedReadingsTooMany.
    """
    envelope = _object(_json(raw, "the envelope"), "the envelope", _ENVELOPE, needed=_ENVELOPE)
    text = _text(envelope, "payload")
    payload = _object(_json(text.encode(), "payload"), "payload", _PAYLOAD, needed=_PAYLOAD)
    if payload["form"] != FORM:
        raise SignedReadingsMalformed(f"the form is not {FORM!r}", path="payload.form")
    meter = _meter(_text(payload, "meter"), name_of)
    key = find_key(meter.mrid, _text(envelope, "key"))
    signature = _signature(_text(envelope, "signature"))
    if key is None or not key.public_key.verifies(signature, text.encode()):
        raise SignedReadingsUntrusted(
            "the payload is not signed by a key that its meter has here",
            path="signature",
            hint="Sign the exact UTF-8 bytes of the payload with the key that was registered for the meter.",
        )
    issued_at = _instant(payload, "issued_at", "payload.issued_at")
    _check_age(issued_at, now, limits)
    return SignedReadings(
        meter=meter,
        key=key,
        issued_at=issued_at,
        readings=_readings(payload["readings"]),
        raw=text.encode() + b"\n" + b64encode(signature),
    )


def excess(reading: Reading, greatest_watts: int | None) -> str | None:
    """Return in words how a reading is more than its meter can measure, or None.

    Source: Meetcode elektriciteit 5.3.9(c): less than 120 % of the connection's capacity.
    """
    if greatest_watts is None or reading.value is None or reading.time_period is None:
        return None
    greatest = greatest_watts * reading.time_period.duration * _PERCENT_OF_CAPACITY
    if reading.value * _WATT_SECONDS_PER_WH * 100 < greatest:
        return None
    return f"{reading.value} Wh is not below {_PERCENT_OF_CAPACITY} % of {greatest_watts} W over that time"


def _json(raw: bytes, what: str) -> Any:  # noqa: ANN401
    try:
        return read_json(raw)
    except JsonUnreadable as error:
        raise SignedReadingsMalformed(f"{what} is no JSON that can be taken: {error}") from error


def _object(value: object, where: str, known: frozenset[str], *, needed: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SignedReadingsMalformed("it is no object", path=where)
    if unknown := sorted(value.keys() - known):
        raise SignedReadingsMalformed(f"{unknown[0][:_TEXT_SHOWN]!r} is not known here", path=where)
    if missing := sorted(needed - value.keys()):
        raise SignedReadingsMalformed(f"{missing[0]} is missing", path=where)
    return value


def _text(members: Mapping[str, Any], name: str) -> str:
    if not isinstance(members[name], str):
        raise SignedReadingsMalformed("it is no text", path=name)
    text: str = members[name]
    try:
        text.encode()
    except UnicodeEncodeError as error:  # half a surrogate pair, which no UTF-8 has
        raise SignedReadingsMalformed("it is no text that UTF-8 can hold", path=name) from error
    return text


def _meter(text: str, name_of: ReadMeterName) -> MeterName:
    try:
        return name_of(text)
    except NodeError as error:
        raise SignedReadingsMalformed(error.message, path="payload.meter", hint=error.hint) from error


def _signature(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise SignedReadingsMalformed("the signature is no base64", path="signature") from error


def _instant(members: Mapping[str, Any], name: str, path: str) -> datetime:
    try:
        return parse_instant(_text(members, name))
    except ValueError as error:
        raise SignedReadingsMalformed(
            "it is no instant", path=path, hint="Write it like 2026-03-14T00:15:00Z, with its offset."
        ) from error


def _check_age(issued_at: datetime, now: datetime, limits: AgeLimits) -> None:
    if issued_at > now + limits.clock_skew:
        raise SignedReadingsUntimely(
            "they were issued in the future", path="payload.issued_at", hint="Set the meter's clock."
        )
    if limits.greatest_age is not None and issued_at < now - limits.greatest_age:
        raise SignedReadingsUntimely(
            f"they were issued more than {limits.greatest_age} ago",
            path="payload.issued_at",
            hint="Issue and sign them anew.",
        )


def _readings(listed: object) -> tuple[SignedReading, ...]:
    if not isinstance(listed, list) or not listed:
        raise SignedReadingsMalformed("there are no readings", path="payload.readings")
    if len(listed) > MOST_READINGS:
        raise SignedReadingsTooMany(
            f"a document holds at most {MOST_READINGS} readings", path="payload.readings"
        )
    return tuple(each for number, item in enumerate(listed) for each in _of_item(item, number))


def _of_item(item: object, number: int) -> list[SignedReading]:
    where = f"payload.readings.{number}"
    members = _object(item, where, _READING, needed=frozenset({"start", "end"}))
    start, end = (_instant(members, name, f"{where}.{name}") for name in ("start", "end"))
    if start.microsecond or end.microsecond:
        raise SignedReadingsMalformed("a period begins and ends on a whole second", path=where)
    if end <= start:
        raise SignedReadingsMalformed("the period does not end after it starts", path=where)
    period = TimePeriod(start=int(start.timestamp()), duration=(end - start) // _SECOND)
    stated = [name for name in _ENERGY if name in members]
    if not stated or {"wh", "import_wh"} <= set(stated):
        raise SignedReadingsMalformed("it needs wh, or import_wh and export_wh", path=where)
    quality = _quality(members.get("quality", ""), where)
    return [
        SignedReading(
            ordinal=number,
            register=RegisterName("", _ENERGY[name]),
            reading=Reading(
                value=_watt_hours(members[name], f"{where}.{name}"), time_period=period, quality_flags=quality
            ),
        )
        for name in stated
    ]


def _watt_hours(value: object, path: str) -> int:
    if type(value) is not int or not 0 <= value <= MAX_WATT_HOURS:
        raise SignedReadingsMalformed("energy is a whole number of Wh from 0 on", path=path)
    return value


def _quality(words: object, where: str) -> int:
    try:
        return quality_of(str(words).split())
    except KeyError as error:
        raise SignedReadingsMalformed(
            f"{str(error)[:_TEXT_SHOWN]} is no word for a quality", path=f"{where}.quality"
        ) from error
