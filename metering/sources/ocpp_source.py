"""Meter values of charging stations (OCPP 1.6 and 2.0.1) in a file: one JSON message a line.

A line is a call as it went over the wire, `[2, "id", "MeterValues", {…}]`, or an object
`{"station": "CP-7", "action": "MeterValues", "payload": {…}}`, or one with such a call as its `message`.
Calls that bring no meter values, and answers, are passed over; any other line is rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from kernel.errors import NodeError
from kernel.plain_text import one_line
from metering.sources.file_line import Line
from metering.sources.gathering import gathered
from metering.sources.json_lines import GREATEST_JSON_BYTES, JsonUnreadable, read_json
from metering.sources.lines import is_remark, lines_of
from metering.sources.naming import MeterName, ReadMeterName, derived_mrid
from metering.sources.ocpp_values import ValueRefused, readings_of
from metering.sources.ports import Found, Reject

_CALL: Final = 2
_CALL_PARTS: Final = 4
_KINDS: Final = frozenset({_CALL, 3, 4})
"""A call, a result and an error."""
_METER_VALUES: Final = "MeterValues"
_MAIN_METER: Final = 0
_LONGEST_NAME: Final = 255


def meter_of_connector(name: str) -> MeterName:
    """Return the meter of a connector, named `station/connector`, which has no mRID of its own."""
    return MeterName(derived_mrid("ocpp", name), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class OcppOptions:
    """What the messages do not say: which station sent them, how long an interval is, which meter it is."""

    station: str | None = None
    interval_seconds: int | None = None
    name_of: ReadMeterName = meter_of_connector

    def __str__(self) -> str:
        said = {"station": self.station, "interval": self.interval_seconds}
        return ", ".join(f"{name}={value}" for name, value in said.items() if value is not None)


class OcppSource:
    """Reads messages line by line; each connector, or each EVSE of 2.0.1, is a meter."""

    def __init__(self, options: OcppOptions | None = None) -> None:
        self._options = options or OcppOptions()

    def read(self, stream: BinaryIO) -> Iterator[Found]:
        """Yield what the messages say of energy."""
        said = str(self._options)
        return gathered(self._lines(stream), head=f"# read with {said}\n".encode() if said else b"")

    def _lines(self, stream: BinaryIO) -> Iterator[Line | Reject]:
        for number, raw, whole in lines_of(stream, greatest=GREATEST_JSON_BYTES):
            line = raw if raw.endswith(b"\n") else raw + b"\n"
            try:
                found = None if is_remark(line) else self._line(line, number, whole=whole)
            except ValueRefused as error:
                yield Reject(place=f"line {number}", raw=line, code=error.code, sentence=error.sentence)
                continue
            if found is not None:
                yield found

    def _line(self, raw: bytes, number: int, *, whole: bool) -> Line | None:
        if not whole:
            raise ValueRefused("LINE_TOO_LONG", f"a line has at most {GREATEST_JSON_BYTES} bytes")
        try:
            message = read_json(raw)
        except JsonUnreadable as error:
            raise ValueRefused("NOT_JSON", str(error)) from error
        station, action, payload = self._call(message)
        if action not in _CONNECTORS:
            return None
        if not isinstance(payload, dict):
            raise ValueRefused("NO_MESSAGE", f"the payload of the {action} is no object")
        name = _LISTS.get(action, "meterValue")
        if name not in payload and action != _METER_VALUES:
            return None  # only there it must be
        meter_values = payload.get(name)
        if not isinstance(meter_values, list):
            raise ValueRefused("SAMPLED_VALUE", f"the {action} has no list {name}")
        connector = _CONNECTORS[action](payload)
        readings = readings_of(meter_values, interval_seconds=self._options.interval_seconds)
        return Line(self._meter(station, connector), readings, number, raw) if readings else None

    def _call(self, message: Any) -> tuple[str | None, str, Any]:  # noqa: ANN401
        """Return the station, the action, which is empty for an answer, and the payload of a message."""
        station: object = self._options.station
        if isinstance(message, dict):
            station = message.get("station", station)
            message = message.get("message", [_CALL, "", message.get("action"), message.get("payload")])
        kind = message[0] if isinstance(message, list) and message else None
        if type(kind) is not int or kind not in _KINDS:
            raise ValueRefused("NO_MESSAGE", "the line is no OCPP message")
        action, payload = message[2:] if len(message) == _CALL_PARTS else (None, None)
        if kind != _CALL:
            action = ""
        elif not isinstance(action, str):
            raise ValueRefused("NO_MESSAGE", "the line is a call that does not say of what")
        return None if station is None else str(station), action, payload

    def _meter(self, station: str | None, connector: int) -> MeterName:
        if not station:
            raise ValueRefused(
                "STATION", "nothing says which station sent this: write `station`, or --station"
            )
        name = f"{station}/{connector}"
        if len(name) > _LONGEST_NAME or name != one_line(name):
            raise ValueRefused("STATION", f"a station's name is one line of {_LONGEST_NAME} characters")
        try:
            return self._options.name_of(name)
        except NodeError as error:
            raise ValueRefused(error.code, str(error)) from error


def _whole(value: object, name: str) -> int:
    if type(value) is not int or value < _MAIN_METER:
        raise ValueRefused("CONNECTOR", f"{name} {str(value)[:20]!r} is no number of a connector")
    return value


def _of_meter_values(payload: dict[str, Any]) -> int:
    name = "evseId" if "evseId" in payload else "connectorId"
    return _whole(payload.get(name), name)


def _of_transaction(payload: dict[str, Any]) -> int:
    evse = payload.get("evse")
    if not isinstance(evse, dict):
        raise ValueRefused("CONNECTOR", "the TransactionEvent does not say at which evse it was measured")
    return _whole(evse.get("id"), "evse.id")


def _of_stop(_payload: dict[str, Any]) -> int:
    raise ValueRefused(
        "CONNECTOR", "a StopTransaction does not say at which connector; write it as MeterValues of one"
    )


_CONNECTORS: Final = {
    _METER_VALUES: _of_meter_values,
    "TransactionEvent": _of_transaction,
    "StopTransaction": _of_stop,
}
_LISTS: Final = {"StopTransaction": "transactionData"}
