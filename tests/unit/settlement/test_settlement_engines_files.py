"""What files of contracts and readings may hold, and how what is wrong with them is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import simplejson
from pyarrow import parquet

from degnode.fleet import ibis_engine
from kernel.errors import NodeError
from settlement.engines.calendar import find_day, make_calendar
from settlement.engines.contract_files import read_contracts
from settlement.engines.duckdb_engine import DuckdbEngine
from settlement.engines.faults import DataInvalid, EnergyTooLarge
from settlement.engines.file_sets import FileSet, find_files, open_duckdb
from settlement.engines.line_files import write_lines
from settlement.engines.port import SettlementEngine
from settlement.engines.settled_day import settle_day
from tests.support.naive_settlement import Deal, Reading, row_of, write_readings
from tests.support.settlement_days import write_contracts

ZONE = "Asia/Kolkata"
DAY = find_day(date(2026, 3, 14), zone=ZONE)
START, END = (int(edge.timestamp()) for edge in (DAY.period.start, DAY.period.end))
DEAL = Deal(
    contract="c1", source="AA", target="BB", traded=0, quantity=1000, start=START, end=END, rate="5",
    wheeling_per_kwh="0.5", wheeling_fixed="2.5", tax_percent="10",
)  # fmt: skip
READINGS = (
    Reading(meter="AA", second=START, imported=0, exported=700),
    Reading(meter="BB", second=START, imported=600, exported=0),
)
ENGINES = (DuckdbEngine(), ibis_engine("duckdb://"))
engines = pytest.mark.parametrize("engine", ENGINES, ids=("duckdb", "ibis"))
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")


def contracts_with(folder: Path, **said: Any) -> FileSet:
    file = folder / "contracts.jsonl"
    file.write_text(f"{simplejson.dumps(row_of(DEAL))}\n\n{simplejson.dumps(row_of(DEAL) | said)}\n")
    return find_files([str(file)], endings=(".jsonl",))


def read(files: FileSet) -> Any:
    return read_contracts(files, day_start=START, day_end=END)


def settle(folder: Path, *, readings: FileSet, engine: SettlementEngine, deal: Deal = DEAL) -> Any:
    agreed = find_files([write_contracts(folder / "c.jsonl", [deal])], endings=(".jsonl",))
    return settle_day(DAY, zone=ZONE, readings=readings, contracts=agreed, engine=engine)


@pytest.mark.parametrize(
    ("said", "column", "why"),
    [
        ({"contract": None}, "contract", "nothing is said"),
        ({}, "contract", "used twice"),
        ({"contract": "c2", "source": ""}, "source", "nothing is said"),
        ({"contract": "c2", "quantity_wh": 1.5}, "quantity_wh", "no whole number"),
        ({"contract": "c2", "quantity_wh": -1}, "quantity_wh", "no whole number"),
        ({"contract": "c2", "trade_time": "soon"}, "trade_time", "no instant"),
        ({"contract": "c2", "window_end": "2026-03-14T00:00:00.5Z"}, "window_end", "with a second"),
        ({"contract": "c2", "window_end": "2026-03-01T00:00:00Z"}, "window_end", "the window is empty"),
        ({"contract": "c2", "target": "AA"}, "target", "does not sell to itself"),
        ({"contract": "c2", "matching": "BOTH"}, "matching", "none of INTERVAL, WINDOW"),
        ({"contract": "c2", "rate": 0.1234567}, "rate", "six decimals"),
        ({"contract": "c2", "currency": "RS"}, "currency", "ISO 4217"),
        ({"contract": "c2", "loss_percent": "100"}, "loss_percent", "nothing can be delivered"),
        (
            {"contract": "c2", "loss_percent": "1", "quantity_wh": 10**17},
            "quantity_wh",
            "at most 90000000000",
        ),
        (
            {"contract": "c2", "loss_percent": "99.9", "quantity_wh": 10**8},
            "quantity_wh",
            "at most 90000000000",
        ),
    ],
)
def test_a_contract_that_cannot_be_settled_is_named_by_file_row_and_column(
    tmp_path: Path, said: dict[str, Any], column: str, why: str
) -> None:
    with pytest.raises(DataInvalid, match=why) as refused:
        read(contracts_with(tmp_path, **said))
    assert refused.value.path == f"{tmp_path / 'contracts.jsonl'}, row 3, {column}"


@pytest.mark.parametrize(("line", "why"), [("{", "no JSON"), ("[]", "no object")])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "contracts.jsonl"
    file.write_text(f"{simplejson.dumps(row_of(DEAL))}\n{line}\n")
    with pytest.raises(DataInvalid, match=why) as refused:
        read(FileSet((str(file),)))
    assert refused.value.path == f"{file}, row 2"


def test_numbers_in_json_are_read_as_they_are_written(tmp_path: Path) -> None:
    file = tmp_path / "contracts.jsonl"
    line = simplejson.dumps(row_of(DEAL) | {"rate": 0}).replace('"rate": 0', '"rate": 123456789012.000001')
    file.write_text(line)
    assert read(FileSet((str(file),))).tariffs[0].rates == (123_456_789_012_000_001,)


def test_contracts_may_be_parquet_with_decimals(tmp_path: Path) -> None:
    table = pyarrow.Table.from_pylist([row_of(DEAL) | {"bands": ""}])
    parquet.write_table(table, tmp_path / "contracts.parquet")
    assert (
        read(find_files([str(tmp_path)])).tariffs
        == read(find_files([write_contracts(tmp_path / "c.jsonl", [DEAL])], endings=(".jsonl",))).tariffs
    )


def test_prices_in_floats_are_refused(tmp_path: Path) -> None:
    parquet.write_table(
        pyarrow.Table.from_pylist([row_of(DEAL) | {"rate": 0.1, "bands": ""}]), tmp_path / "c.parquet"
    )
    with pytest.raises(DataInvalid, match="the column is DOUBLE: use whole numbers, DECIMAL or text"):
        read(find_files([str(tmp_path)]))


def test_quantities_that_might_leave_64_bits_are_refused(tmp_path: Path) -> None:
    deals = [replace(DEAL, contract=f"c{number}", quantity=10**18 - 1) for number in range(10)]
    files = find_files([write_contracts(tmp_path / "c.jsonl", deals)], endings=(".jsonl",))
    with pytest.raises(EnergyTooLarge, match="Settle them in parts"):
        read(files)


def test_files_are_found_by_name_folder_and_pattern(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    names = [write_readings(tmp_path / name, READINGS) for name in ("a/1.parquet", "a/b/2.parquet")]
    for places in (names, [str(tmp_path)], [str(tmp_path / "**" / "*.parquet")]):
        assert find_files(places).paths == tuple(sorted(names))
    assert str(find_files(names)) == f"{names[0]} and 1 more"
    with pytest.raises(DataInvalid, match="there is no such file"):
        find_files([str(tmp_path), str(tmp_path / "c")])  # what is missing is not passed over
    with pytest.raises(DataInvalid, match=r"no file here ends in \.jsonl"):
        find_files([str(tmp_path / "a")], endings=(".jsonl",))
    (tmp_path / "a" / "x.jsonl").write_text("")
    with pytest.raises(DataInvalid, match="some files are Parquet, others JSON Lines"):
        find_files([str(tmp_path)], endings=(".parquet", ".jsonl"))


def test_what_is_no_parquet_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "readings.parquet"
    file.write_bytes(b"PAR0")
    with pytest.raises(DataInvalid, match="cannot be read"):
        settle(tmp_path, readings=FileSet((str(file),)), engine=DuckdbEngine())


@engines
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda table: table.drop_columns("start"), "there is no column start"),
        (lambda table: table.set_column(2, "import_wh", pyarrow.array([0.5, 1.5])), "the column is DOUBLE"),
    ],
)
def test_readings_without_their_columns_are_refused(
    tmp_path: Path, engine: SettlementEngine, change: Callable[[Any], Any], why: str
) -> None:
    file = write_readings(tmp_path / "r.parquet", READINGS)
    parquet.write_table(change(parquet.read_table(file)), file)
    with pytest.raises(DataInvalid, match=why):
        settle(tmp_path, readings=FileSet((file,)), engine=engine)


@engines
@pytest.mark.parametrize(
    ("wrong", "column", "why"),
    [
        (replace(READINGS[0], second=START + 900, exported=-1), "export_wh", "does not run backwards"),
        (replace(READINGS[1], second=START + 900, imported=-1), "import_wh", "does not run backwards"),
        (replace(READINGS[0], exported=3), "start", "same second"),
        (
            replace(READINGS[0], second=START + 900, exported=None),
            "export_wh",
            "says? nothing|nothing is said",
        ),
    ],
)
def test_a_reading_that_is_none_is_named(
    tmp_path: Path, engine: SettlementEngine, wrong: Reading, column: str, why: str
) -> None:
    file = write_readings(tmp_path / "r.parquet", [*READINGS, wrong])
    with pytest.raises(DataInvalid, match=why) as refused:
        settle(tmp_path, readings=FileSet((file,)), engine=engine)
    if engine is ENGINES[0]:
        assert refused.value.path == f"{file}, row 3, {column}"
    else:
        assert f"meter {wrong.meter}" in str(refused.value.path)


@engines
def test_energy_that_might_leave_64_bits_is_refused(tmp_path: Path, engine: SettlementEngine) -> None:
    huge = [replace(READINGS[0], second=START + 900 * number, exported=2**62) for number in range(2)]
    file = write_readings(tmp_path / "r.parquet", huge)
    with pytest.raises(EnergyTooLarge):
        settle(tmp_path, readings=FileSet((file,)), engine=engine)


@engines
def test_a_contract_that_began_earlier_needs_the_earlier_readings(
    tmp_path: Path, engine: SettlementEngine
) -> None:
    deal = replace(DEAL, start=START - 86_400)
    with pytest.raises(DataInvalid, match="contracts began before the day") as refused:
        settle(
            tmp_path,
            readings=FileSet((write_readings(tmp_path / "r.parquet", READINGS),)),
            engine=engine,
            deal=deal,
        )
    assert "Give the files of the earlier days, too" in str(refused.value)


@engines
def test_a_contract_may_have_used_its_quantity_up_before(tmp_path: Path, engine: SettlementEngine) -> None:
    earlier = [replace(each, second=START - 900, imported=900, exported=900) for each in READINGS]
    file = write_readings(tmp_path / "r.parquet", [*READINGS, *earlier])
    settled = settle(
        tmp_path, readings=FileSet((file,)), engine=engine, deal=replace(DEAL, start=START - 86_400)
    )
    assert (settled.settled, settled.exported, settled.imported) == (100, 100, 100)
    assert settled.lines.amount_minor.tolist() == [50, 5, 250, 31]  # 5.00 − 4.50; 0.50 − 0.45


def test_meters_may_be_whole_numbers_and_starts_without_a_zone_are_utc(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "meter": [1, 2],
            "start": pyarrow.array([datetime.fromtimestamp(START, UTC).replace(tzinfo=None)] * 2),
            "import_wh": [0, 600],
            "export_wh": [700, 0],
        }
    )
    parquet.write_table(table, tmp_path / "r.parquet")
    settled = settle(
        tmp_path,
        readings=find_files([str(tmp_path / "r.parquet")]),
        engine=DuckdbEngine(),
        deal=replace(DEAL, source="1", target="2"),
    )
    assert settled.settled == 600


@pytest.mark.parametrize("kind", [pyarrow.uint8(), pyarrow.uint32(), pyarrow.int32()])
def test_energy_may_have_any_width(tmp_path: Path, kind: pyarrow.DataType) -> None:
    small = [replace(each, imported=each.imported // 4, exported=150) for each in READINGS]
    file = write_readings(tmp_path / "r.parquet", small)
    table = parquet.read_table(file)
    for number, name in ((2, "import_wh"), (3, "export_wh")):
        table = table.set_column(number, name, table[name].cast(kind))
    parquet.write_table(table, file)
    assert settle(tmp_path, readings=FileSet((file,)), engine=DuckdbEngine()).settled == 150


@engines
def test_two_readings_within_a_second_are_refused(tmp_path: Path, engine: SettlementEngine) -> None:
    starts = [START * 10**6, START * 10**6 + 700_000, START * 10**6]
    table = pyarrow.table(
        {
            "meter": ["AA", "AA", "BB"],
            "start": pyarrow.array(starts, pyarrow.timestamp("us", tz="UTC")),
            "import_wh": [0, 0, 600],
            "export_wh": [1, 2, 0],
        }
    )
    parquet.write_table(table, tmp_path / "r.parquet")
    with pytest.raises(DataInvalid, match="same second"):
        settle(tmp_path, readings=find_files([str(tmp_path / "r.parquet")]), engine=engine)


def test_no_contracts_make_no_lines(tmp_path: Path) -> None:
    file = write_readings(tmp_path / "r.parquet", READINGS)
    settled = settle(
        tmp_path, readings=FileSet((file,)), engine=DuckdbEngine(), deal=replace(DEAL, start=END, end=END + 1)
    )
    assert (settled.contracts, len(settled.lines), settled.lines.totals()) == (0, 0, {})


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_lines_are_written_as_their_file_is_called(tmp_path: Path, ending: str) -> None:
    file = write_readings(tmp_path / "r.parquet", READINGS)
    settled = settle(tmp_path, readings=FileSet((file,)), engine=DuckdbEngine())
    out = tmp_path / f"it's.{ending}"
    write_lines(settled.lines, out)
    reader = {"parquet": "read_parquet", "csv": "read_csv", "json": "read_json"}[ending]
    with open_duckdb() as connection:
        rows = connection.execute(
            f"SELECT contract, item, coalesce(band, ''), watt_hours, amount_minor, currency FROM {reader}(?)",  # noqa: S608
            [str(out)],
        ).fetchall()
    assert rows == [
        ("c1", "ENERGY", "", 600, 300, "INR"),
        ("c1", "WHEELING_PER_KWH", "", 600, 30, "INR"),
        ("c1", "WHEELING_FIXED", "", 0, 250, "INR"),
        ("c1", "TAX", "", 0, 58, "INR"),
    ]


def test_lines_in_an_unknown_form_are_refused(tmp_path: Path) -> None:
    file = write_readings(tmp_path / "r.parquet", READINGS)
    settled = settle(tmp_path, readings=FileSet((file,)), engine=DuckdbEngine())
    with pytest.raises(NodeError, match="a file of lines ends in"):
        write_lines(settled.lines, tmp_path / "lines.xlsx")


def test_a_calendar_begins_with_the_first_window(tmp_path: Path) -> None:
    table = read(
        find_files(
            [write_contracts(tmp_path / "c.jsonl", [replace(DEAL, start=START - 3600)])], endings=(".jsonl",)
        )
    )
    calendar = make_calendar(DAY, table, zone=ZONE)
    assert (calendar.since, calendar.first_run, calendar.runs) == (START - 3600, 1, 2)
