"""Charging stations' meter values: defaults, units, phases, and what is no energy of a connector."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from metering.sources.ocpp_source import OcppOptions, OcppSource, meter_of_connector
from metering.sources.ports import Batch, Found, Reject

EXAMPLE = Path(__file__).resolve().parents[4] / "examples" / "meters" / "charging.jsonl"
AT = "2026-03-14T10:00:00Z"
SECOND = 1_773_482_400


def read(*messages: Any, **options: Any) -> list[Found]:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in messages]
    return list(OcppSource(OcppOptions(**options)).read(BytesIO("\n".join(lines).encode())))


def values(*sampled: dict[str, Any], at: str = AT) -> dict[str, Any]:
    """Return the MeterValues of a connector with these sampled values."""
    payload = {"connectorId": 1, "meterValue": [{"timestamp": at, "sampledValue": list(sampled)}]}
    return {"station": "CP-7", "action": "MeterValues", "payload": payload}


def call(action: str, **payload: Any) -> dict[str, Any]:
    return {"station": "C", "action": action, "payload": payload}


def said(found: list[Found]) -> list[tuple[str, int, int, int, int | None]]:
    """Return meter, direction, start, duration and Wh of each reading."""
    return [
        (batch.document.mrid_as_sent, kind.flow_direction, period.start, period.duration, reading.value)
        for batch in found
        if isinstance(batch, Batch)
        for register in batch.document.meter_readings
        for reading, _ in register.readings()
        if (kind := register.reading_type) and (period := reading.time_period)
    ]


def wh(found: list[Found]) -> list[int | None]:
    assert [item.code for item in found if isinstance(item, Reject)] == []
    return [value for *_, value in said(found)]


def codes(found: list[Found]) -> list[str]:
    assert said(found) == []
    return [item.code for item in found if isinstance(item, Reject)]


def test_the_example_is_stands_of_two_connectors_and_nothing_of_power() -> None:
    found = list(OcppSource().read(BytesIO(EXAMPLE.read_bytes())))
    assert said(found) == [
        ("CP-7/1", 1, SECOND, 0, 1_203_400),
        ("CP-7/1", 1, SECOND + 900, 0, 1_205_150),
        ("CP-8/2", 1, SECOND + 900, 0, 88_250),
    ]
    assert [batch.document.mrid for batch in found if isinstance(batch, Batch)] == [
        meter_of_connector(name).mrid for name in ("CP-7/1", "CP-8/2")
    ]


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [
        ({"value": "1500"}, 1500),
        ({"value": "1500", "unit": "Wh"}, 1500),
        ({"value": "1.5", "unit": "kWh"}, 1500),
        ({"value": " 1500.0 "}, 1500),
        ({"value": 1500}, 1500),
        ({"value": 1500.75}, 1500),
        ({"value": 1.5e3}, 1500),
        ({"value": 1.5, "unitOfMeasure": {"unit": "kWh"}}, 1500),
        ({"value": 15, "unitOfMeasure": {"multiplier": 2}}, 1500),
        ({"value": 15, "unitOfMeasure": {"unit": "kWh", "multiplier": -1}}, 1500),
        ({"value": 0.1, "unitOfMeasure": {"unit": "kWh", "multiplier": 6}}, 100_000_000),
        ({"value": 8.999, "unit": "kWh"}, 8999),
    ],
)
def test_a_stand_is_exact_whole_watt_hours_rounded_down(sampled: dict[str, Any], expected: int) -> None:
    assert wh(read(values(sampled))) == [expected]


@pytest.mark.parametrize(
    "context", ["Transaction.Begin", "Transaction.End", "Sample.Periodic", "Sample.Clock"]
)
def test_a_stand_counts_in_whatever_context_it_was_taken(context: str) -> None:
    assert wh(read(values({"value": "1500", "context": context}))) == [1500]


def phases(*names: str, **more: str) -> list[dict[str, Any]]:
    return [{"value": str(100 + number), "phase": name, **more} for number, name in enumerate(names)]


def test_three_phases_are_summed_up_only_where_there_is_no_total() -> None:
    assert wh(read(values(*phases("L1", "L2", "L3")))) == [303]
    assert wh(read(values(*phases("L1-N", "L2-N", "L3-N")))) == [303]
    assert wh(read(values({"value": "310"}, *phases("L1", "L2", "L3")))) == [310]
    for some in (phases("L1"), phases("L1", "L2"), phases("L1", "L2", "L2"), phases("L1", "L2", "L1-N")):
        assert codes(read(values(*some))) == ["ONE_PHASE"]
    assert codes(read(values(*phases("L1-L2", "L2-L3", "L3-L1")))) == ["ONE_PHASE"]


def test_export_is_another_register_and_the_inlet_another_than_the_outlet() -> None:
    found = read(
        values(
            {"value": "5", "measurand": "Energy.Active.Export.Register"},
            {"value": "7", "location": "Inlet"},
            {"value": "6"},
        )
    )
    assert sorted((direction, value) for _, direction, _, _, value in said(found)) == [
        (1, 6),
        (1, 7),
        (19, 5),
    ]
    (batch,) = found
    assert isinstance(batch, Batch)
    assert len({register.mrid for register in batch.document.meter_readings}) == 3


def test_interval_energy_needs_to_be_told_how_long_its_intervals_are() -> None:
    sample = {"value": "250", "measurand": "Energy.Active.Import.Interval"}
    assert codes(read(values(sample))) == ["INTERVAL_UNKNOWN"]
    assert said(read(values(sample), interval_seconds=900)) == [("CP-7/1", 1, SECOND - 900, 900, 250)]
    assert codes(read(values(sample | {"value": "250.5"}), interval_seconds=900)) == ["FINER_THAN_WATT_HOUR"]


@pytest.mark.parametrize(
    ("sampled", "code"),
    [
        ({"value": "OCMF|{}|{}", "format": "SignedData"}, "SIGNED_VALUE"),
        ({"value": 5, "signedMeterValue": {"signedMeterData": "…"}}, "SIGNED_VALUE"),
        ({"value": "1e3"}, "NO_VALUE"),
        ({"value": "NaN"}, "NO_VALUE"),
        ({"value": "1_000"}, "NO_VALUE"),
        ({"value": ""}, "NO_VALUE"),
        ({"value": True}, "NO_VALUE"),
        ({"value": None}, "NO_VALUE"),
        ({}, "NO_VALUE"),
        ({"value": "-5"}, "NEGATIVE"),
        ({"value": "1" * 15, "unit": "kWh"}, "TOO_LARGE"),
        ({"value": "5", "unit": "varh"}, "NOT_WATT_HOURS"),
        ({"value": 5, "unitOfMeasure": {"multiplier": 10}}, "MULTIPLIER"),
        ({"value": "5", "location": "EV"}, "LOCATION"),
        ({"value": "5", "context": "Guess"}, "CONTEXT"),
        ({"value": "5", "phase": "N"}, "ONE_PHASE"),
    ],
)
def test_a_value_that_cannot_be_taken_is_rejected_with_its_message(
    sampled: dict[str, Any], code: str
) -> None:
    assert codes(read(values(sampled))) == [code]


def test_the_last_stand_of_a_second_stands_for_it() -> None:
    message = values({"value": "100"}, at="2026-03-14T10:00:00.100Z")
    message["payload"]["meterValue"] += [
        {"timestamp": "2026-03-14T10:00:00.900Z", "sampledValue": [{"value": "103"}]},
        {"timestamp": "2026-03-14T10:00:00.500Z", "sampledValue": [{"value": "101"}]},
    ]
    assert said(read(message)) == [("CP-7/1", 1, SECOND, 0, 103)]


def test_two_amounts_of_one_interval_are_refused_unless_they_are_equal() -> None:
    measurand = {"measurand": "Energy.Active.Import.Interval"}
    twice = {"value": "100", "context": "Transaction.End"} | measurand
    for other, expected in (("0.1", [100]), ("250", [])):
        again = {"value": other, "unit": "kWh"} | measurand
        apart = values(twice)
        apart["payload"]["meterValue"] += values(again)["payload"]["meterValue"]
        for message in (values(twice, again), values(again, twice), apart):
            found = read(message, interval_seconds=900)
            assert [value for *_, value in said(found)] == expected
            refused = [each.code for each in found if isinstance(each, Reject)]
            assert refused == ([] if expected else ["TWO_VALUES"])


def test_a_mark_at_the_beginning_of_the_file_belongs_to_no_line() -> None:
    line = json.dumps(values({"value": "5"}))
    found = list(OcppSource().read(BytesIO(b"\xef\xbb\xbf" + line.encode())))
    assert wh(found) == [5]
    assert [each.body for each in found if isinstance(each, Batch)] == [line.encode() + b"\n"]
    assert list(OcppSource().read(BytesIO(b"\xef\xbb\xbf\n# a remark\n"))) == []


def test_a_message_is_read_in_each_of_its_wrappings() -> None:
    frame = [2, "1", "MeterValues", values({"value": "5"})["payload"]]
    evse = {"evseId": 3, "meterValue": [{"timestamp": AT, "sampledValue": [{"value": 6}]}]}
    found = read(
        {"station": "CP-1", "message": frame},
        frame,
        {"action": "MeterValues", "payload": evse},
        "# a remark",
        "",
        station="CP-2",
    )
    assert [(name, value) for name, *_, value in said(found)] == [("CP-1/1", 5), ("CP-2/1", 5), ("CP-2/3", 6)]
    assert all(b"station=CP-2" in batch.head for batch in found if isinstance(batch, Batch))


def test_what_brings_no_meter_values_is_passed_over() -> None:
    assert (
        read(
            [2, "1", "Heartbeat", {}],
            [3, "1", {"currentTime": AT}],
            [4, "1", "InternalError", "", {}],
            [2, "1", "TransactionEvent", {}],
            [2, "1", "StopTransaction", {}],
            station="C",
        )
        == []
    )
    assert read(values({"value": "3.2", "measurand": "Power.Active.Import", "unit": "kW"})) == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ([2, "1", "MeterValues", {"connectorId": 1, "meterValue": []}], None),
        ([2, "1", "MeterValues", values({"value": "5"})["payload"]], "STATION"),
        (values({"value": "5"}) | {"station": "C\u0000P"}, "STATION"),
        (values({"value": "5"}) | {"station": "C" * 300}, "STATION"),
        (values({"value": "5"}, at="2026-03-14T10:00:00"), "LOCAL_TIME"),
        (values({"value": "5"}, at="yesterday"), "TIME_UNREADABLE"),
        (call("StopTransaction", transactionData=[{}]), "CONNECTOR"),
        (call("MeterValues", connectorId="1", meterValue=[1]), "CONNECTOR"),
        (call("MeterValues", connectorId=1, meterValue=[1]), "SAMPLED_VALUE"),
        (call("TransactionEvent", meterValue=[1]), "CONNECTOR"),
        ("not json", "NOT_JSON"),
        ('{"a": 1, "a": 2}', "NOT_JSON"),
        ("[" * 100_000, "NOT_JSON"),
        ("17", "NO_MESSAGE"),
        ({"foo": 1}, "NO_MESSAGE"),
        ({"key": "2026", "payload": "{}", "signature": "="}, "NO_MESSAGE"),
        ({"message": {"action": "MeterValues"}}, "NO_MESSAGE"),
        ({"action": 17}, "NO_MESSAGE"),
        ({"action": "MeterValues"}, "NO_MESSAGE"),
        (["2", "1", "MeterValues", {}], "NO_MESSAGE"),
        ([True, "1", "MeterValues", {}], "NO_MESSAGE"),
        ([5, "1", "MeterValues", {}], "NO_MESSAGE"),
        ([2, "1", "MeterValues"], "NO_MESSAGE"),
        (call("MeterValues", connectorId=1), "SAMPLED_VALUE"),
        (call("TransactionEvent", meterValue={}), "SAMPLED_VALUE"),
        ('{"x": "' + "y" * 1_000_000 + '"}', "LINE_TOO_LONG"),
    ],
)
def test_a_line_that_is_no_message_of_a_station_is_rejected(message: Any, code: str | None) -> None:
    assert codes(read(message)) == ([] if code is None else [code])


def test_the_register_of_a_connector_is_the_same_in_every_file() -> None:
    mrids = {
        register.mrid
        for at in ("2026-03-14T10:00:00Z", "2026-03-15T10:00:00Z")
        for batch in read(values({"value": "5"}, at=at))
        if isinstance(batch, Batch)
        for register in batch.document.meter_readings
    }
    assert len(mrids) == 1
