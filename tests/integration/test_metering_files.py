"""`degnode meter import` on a real database: every form, repeats, mended rejects, whose meters."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import UTC, datetime, timedelta
from hashlib import shake_256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from degnode.processes import free_port
from kernel.clock import ManualClock
from kernel.interval import Interval
from metering.energy import Direction
from metering.ingest import IngestResult, record_mirror_document
from metering.query import interval_energy, total_energy
from metering.registration.record import MeterIdentity, MeterTerms
from metering.registration.registry import MeterRegistry
from metering.sep.writer import write_mirror_usage_point
from metering.sources.ocpp_source import meter_of_connector
from metering.sources.sep_source import SepSource
from metering.sources.taking import ImportInterrupted, Taker
from metering.tables import meter_documents, meter_readings, meter_usage_points
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke
from tests.support.metering_documents import (
    DAY,
    METER,
    NOW,
    day_of_readings,
    document,
    meter,
    reading,
    register,
)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "meters"
TEN = datetime(2026, 3, 14, 4, 30, tzinfo=UTC)  # ten o'clock in India
HALF_AN_HOUR = Interval(TEN, TEN + timedelta(minutes=30))
HEADING = "meter,direction,start,end,wh\n"


class Desk:
    """Imports files into a database, and looks at what became of them."""

    def __init__(self, folder: Path, database_url: str, uow_factory: UnitOfWorkFactory) -> None:
        self.folder = folder
        self.database_url = database_url
        self._uow_factory = uow_factory

    def read(self, path: str) -> str:
        return Path(path).read_text()

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    async def imports(self, *arguments: str | Path, status: int = 0) -> list[dict[str, Any]]:
        """Return what the command says of each file, having ended with `status`."""
        words = [*map(str, arguments), "--json", "--database-url", self.database_url]
        result = await invoke("meter", "import", *words)
        assert result.exit_code == status, f"{result.output} {result.exception!r}"
        views: list[dict[str, Any]] = json.loads(result.stdout)
        return views

    async def energy(
        self, name: str = METER, window: Interval = HALF_AN_HOUR, direction: Direction = Direction.IMPORT
    ) -> int:
        async with self._uow_factory() as uow:
            found = await interval_energy(uow.connection, meter=name, direction=direction, window=window)
        return total_energy(found).watt_hours

    async def rows(self) -> tuple[int, int, int]:
        """Return how many meters, documents and readings there are."""
        counted = [
            select(func.count()).select_from(it)
            for it in (meter_usage_points, meter_documents, meter_readings)
        ]
        async with self._uow_factory() as uow:
            meters, documents, readings = [(await uow.connection.execute(it)).scalar_one() for it in counted]
        return meters, documents, readings

    async def posts(self, raw: bytes, sender: str) -> None:
        async with self._uow_factory() as uow:
            await record_mirror_document(raw, uow=uow, now=NOW, sender=sender)


@pytest.fixture
def desk(tmp_path: Path, database_url: str, uow_factory: UnitOfWorkFactory) -> Desk:
    return Desk(tmp_path, database_url, uow_factory)


def counts(view: dict[str, Any]) -> tuple[int, int, int, int, int]:
    return (view["accepted"], view["duplicates"], view["revised"], view["quarantined"], view["rejected"])


@pytest.mark.parametrize(
    ("name", "form", "accepted", "imported"),
    [
        ("day.csv", "csv", 4, 40),
        ("day.sep.xml", "2030.5", 2, 40),
        ("signed.jsonl", "signed-json", 4, 40),
    ],
)
async def test_every_form_is_known_by_its_content_and_says_the_same(
    desk: Desk, name: str, form: str, accepted: int, imported: int
) -> None:
    path = desk.folder / "readings"
    shutil.copy(EXAMPLES / name, path)
    (view,) = await desk.imports(path, "--meter-keys", EXAMPLES / "keys.yaml")
    assert (view["format"], counts(view)) == (form, (accepted, 0, 0, 0, 0))
    assert await desk.energy() == imported
    before = await desk.rows()
    (again,) = await desk.imports(path, "--meter-keys", EXAMPLES / "keys.yaml")
    assert counts(again) == (0, accepted, 0, 0, 0)
    assert await desk.rows() == before


async def test_a_green_button_download_is_the_energy_of_its_usage_point(desk: Desk) -> None:
    (view,) = await desk.imports(EXAMPLES / "green-button.xml")
    assert (view["format"], counts(view)) == ("green-button", (2, 0, 0, 0, 0))
    start = datetime.fromtimestamp(1773549000, UTC)
    window = Interval(start, start + timedelta(hours=2))
    assert await desk.energy("8a2b6f049f1d4e5c8f0e2b7f5f5a0300", window) == 656


async def test_a_charging_session_is_the_difference_of_the_stands_of_its_connector(desk: Desk) -> None:
    (view,) = await desk.imports(EXAMPLES / "charging.jsonl")
    assert (view["format"], counts(view)) == ("ocpp", (3, 0, 0, 0, 0))
    start = datetime(2026, 3, 14, 10, tzinfo=UTC)
    window = Interval(start, start + timedelta(minutes=15))
    assert await desk.energy(meter_of_connector("CP-7/1").mrid, window) == 1750


async def test_what_was_rejected_is_mended_in_its_own_file_and_imported_as_it_is(desk: Desk) -> None:
    path = desk.write(
        "readings.csv",
        HEADING
        + "0100200300,import,2026-03-14T04:30:00Z,2026-03-14T04:45:00Z,40\n"
        + "0100200300,import,2026-03-14T04:45:00Z,2026-03-14T05:00:00Z,1e3\n"
        + "meter of Anna,import,2026-03-14T04:45:00Z,2026-03-14T05:00:00Z,7\n",
    )
    (view,) = await desk.imports(path, status=1)
    assert (counts(view), view["reasons"]) == ((1, 0, 0, 0, 2), {"NO_VALUE": 1, "METER_ID_INVALID": 1})
    rejects = desk.folder / "readings.csv.rejects.csv"
    assert view["reject_file"] == str(rejects)
    heading, first, second = rejects.read_text().splitlines()
    assert heading == HEADING.strip() + ",reject_code,reject_reason"
    assert first.endswith(",1e3,NO_VALUE,\"'1e3' is no plain decimal number like 1.234\"")
    assert "METER_ID_INVALID" in second

    rejects.write_text(rejects.read_text().replace("1e3,", "1000,"))
    (mended,) = await desk.imports(rejects, status=1)
    assert counts(mended) == (1, 0, 0, 0, 1)
    assert await desk.energy() == 1040
    left = desk.read(mended["reject_file"])
    assert left.splitlines()[0] == heading
    assert left.count("05:00:00Z") == 1
    assert left.count("METER_ID_INVALID") == 1


async def test_a_reject_file_that_somebody_mends_is_not_written_over(desk: Desk) -> None:
    path = desk.write("readings.csv", HEADING + "0100200300,import,2026-03-14T04:30:00Z,,40\n")
    (view,) = await desk.imports(path, "--interval", "15m", status=0)
    assert view["reject_file"] is None
    (view,) = await desk.imports(path, "--dry-run", "--column", "end=direction", status=1)
    assert view["stopped"] is not None
    bad = desk.write("bad.csv", HEADING + "0100200300,import,2026-03-14T04:30:00Z,never,40\n")
    (first,) = await desk.imports(bad, status=1)
    (again,) = await desk.imports(bad, status=1)
    assert first["reject_file"] == again["reject_file"]
    desk.write("bad.csv.rejects.csv", "half mended")
    (later,) = await desk.imports(bad, status=1)
    assert later["reject_file"] == str(desk.folder / "bad.csv.rejects-2.csv")
    assert desk.read(first["reject_file"]) == "half mended"
    assert sorted(it.name for it in desk.folder.iterdir() if it.suffix == ".part") == []


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("day.sep.xml", ">40<", ">4O<"),
        ("green-button.xml", ">320<", ">32O<"),
        ("charging.jsonl", '"1203400"', '"12O3400"'),
        ("signed.jsonl", '\\"import_wh\\": 40', '\\"import_wh\\": 41'),
    ],
)
async def test_rejects_of_every_form_are_taken_again_when_they_are_mended(
    desk: Desk, name: str, wrong: str, right: str
) -> None:
    whole = (EXAMPLES / name).read_text()
    broken = desk.write("readings", whole.replace(wrong, right, 1))
    assert broken.read_text() != whole
    (view,) = await desk.imports(broken, "--meter-keys", EXAMPLES / "keys.yaml", status=1)
    assert view["rejected"] == 1
    form = view["format"]
    said = desk.read(view["reject_file"])
    assert view["first_rejects"][0].split(": ")[1] in said
    rejects = desk.write("mended", said.replace(right, wrong))
    (mended,) = await desk.imports(rejects, "--meter-keys", EXAMPLES / "keys.yaml", "--format", form)
    assert (mended["rejected"], mended["stopped"]) == (0, None)
    (all_of_it,) = await desk.imports(EXAMPLES / name, "--meter-keys", EXAMPLES / "keys.yaml")
    assert (all_of_it["accepted"], all_of_it["revised"], all_of_it["quarantined"]) == (0, 0, 0)


async def test_where_rejects_cannot_be_written_down_that_is_said_and_what_was_taken_is_counted(
    desk: Desk,
) -> None:
    good = "0100200300,import,2026-03-14T04:30:00Z,2026-03-14T04:45:00Z,40\n"
    path = desk.write("r" * 250, HEADING + "x\n" + good)  # with more behind it, the name is too long
    (view,) = await desk.imports(path, status=1)
    assert "cannot be written down" in view["stopped"]
    assert "cannot be read" not in view["stopped"]
    assert counts(view) == (1, 0, 0, 0, 1)
    assert await desk.energy() == 40
    (tried,) = await desk.imports(path, "--dry-run", status=1)
    assert (tried["stopped"], counts(tried)) == (None, (0, 1, 0, 0, 1))


async def test_a_dry_run_says_what_would_happen_and_keeps_nothing(desk: Desk) -> None:
    (view,) = await desk.imports(EXAMPLES / "day.csv", "--dry-run")
    assert counts(view) == (4, 0, 0, 0, 0)
    assert await desk.rows() == (0, 0, 0)


async def test_the_operator_may_add_to_the_meter_of_any_sender_and_changes_nothing_else_of_it(
    desk: Desk, uow_factory: UnitOfWorkFactory
) -> None:
    lfdi = "3E4F45AB31EDFE5B67E343E5E4562E31984E23E5"
    posted = meter(register(day_of_readings()[:10]), lfdi=lfdi)
    await desk.posts(write_mirror_usage_point(posted), "utility")
    path = desk.write("more.csv", HEADING + "100200300,import,2026-03-14T03:00:00Z,2026-03-14T03:15:00Z,5\n")
    (view,) = await desk.imports(path)
    assert counts(view) == (1, 0, 0, 0, 0)
    day = Interval(datetime(2026, 3, 14, tzinfo=UTC), datetime(2026, 3, 15, tzinfo=UTC))
    assert await desk.energy(window=day) == sum(250 + number for number in range(10)) + 5
    async with uow_factory() as uow:
        (row,) = (await uow.connection.execute(select(meter_usage_points))).mappings()
    assert (row["sender"], row["device_lfdi"], row["role_flags"]) == ("utility", lfdi, 0x13)


async def test_a_file_never_changes_what_the_values_of_a_device_mean(desk: Desk) -> None:
    posted = meter(register(day_of_readings()[:2]))
    await desk.posts(write_mirror_usage_point(posted), "utility")
    heading = HEADING.replace("direction", "register,direction")
    path = desk.write(
        "more.csv", heading + "100200300,0100200301,import,2026-03-14T03:00:00Z,2026-03-14T03:15:00Z,5\n"
    )
    await desk.imports(path)
    async with desk._uow_factory() as uow:
        versions = await uow.connection.execute(text("SELECT version FROM meter_reading_types"))
        assert versions.scalars().all() == [0, 0]


async def test_the_same_lines_read_by_another_zone_are_other_readings(desk: Desk) -> None:
    path = desk.write("local.csv", HEADING + "0100200300,import,2026-03-14 10:00,2026-03-14 10:30,40\n")
    (view,) = await desk.imports(path, status=1)
    assert view["reasons"] == {"LOCAL_TIME": 1}
    (berlin,) = await desk.imports(path, "--zone", "Europe/Berlin")
    (kolkata,) = await desk.imports(path, "--zone", "Asia/Kolkata")
    assert (counts(berlin), counts(kolkata)) == ((1, 0, 0, 0, 0), (1, 0, 0, 0, 0))
    assert await desk.energy() == 40


async def test_a_compressed_file_is_the_same_file_and_a_cut_one_is_said_to_be(
    desk: Desk,
) -> None:
    whole = (EXAMPLES / "day.csv").read_bytes()
    (view,) = await desk.imports(desk.write("day.gz", gzip.compress(whole)))
    assert counts(view) == (4, 0, 0, 0, 0)
    whole = HEADING.encode() + b"no meter,import,0,0,0\n" + shake_256(b"noise").digest(50_000)
    cut, broken = gzip.compress(whole)[:-4_000], bytearray(gzip.compress(whole))
    broken[30_000:30_100] = bytes(100)
    views = await desk.imports(desk.write("cut.gz", cut), desk.write("broken.gz", bytes(broken)), status=1)
    assert all(view["stopped"] for view in views)
    xml = (EXAMPLES / "day.sep.xml").read_text().replace(">40<", ">4O<")
    (view,) = await desk.imports(desk.write("cut.xml", xml[:-20]), status=1)
    assert "not well-formed" in view["stopped"]
    assert (view["accepted"], view["rejected"], view["reject_file"] is None) == (1, 1, False)


async def test_a_file_that_is_nothing_holds_up_no_other(desk: Desk) -> None:
    files = [
        desk.write("empty", ""),
        desk.write("picture", b"\x89PNG\r\n\x1a\n\0\0\0"),
        desk.write("page.xml", "<html><body/></html>"),
        desk.write("wide.csv", "a,b,c\n1,2,3\n"),
        EXAMPLES / "day.csv",
        desk.folder / "not there",
    ]
    views = await desk.imports(*files, status=1)
    assert [view["stopped"] is None for view in views] == [False, False, False, False, True, False]
    assert views[4]["accepted"] == 4


async def test_contracts_on_a_meter_are_looked_at_when_its_readings_were_imported(
    desk: Desk, uow_factory: UnitOfWorkFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def note(_uow: Any, *, meters: Any, now: datetime, revised: Any) -> int:
        assert {meter for meter, _ in revised} == meters
        told.extend(meters)
        return 0

    monkeypatch.setattr("bpp.meters.news.note_readings", note)
    await desk.imports(EXAMPLES / "day.csv")
    await desk.imports(EXAMPLES / "day.csv")
    assert sorted(told) == ["0100200300".zfill(32), "0100200400".zfill(32)]


async def test_an_import_whose_database_goes_away_says_to_run_it_again() -> None:
    gone = Database.connect(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")

    async def hear(_uow: Any, _results: Any, _now: datetime) -> None: ...

    taker = Taker(uow_factory=UnitOfWorkFactory(gone), clock=ManualClock(NOW), on_taken=hear)
    (batch,) = SepSource().read(BytesIO(document(reading(1))))
    with pytest.raises(ImportInterrupted, match="same command again"):
        await taker.take(batch)
    await gone.close()


async def test_each_unit_of_work_of_an_import_is_known_from_its_own_time_on(
    uow_factory: UnitOfWorkFactory,
) -> None:
    clock, told = ManualClock(NOW), []

    async def hear(_uow: Any, _results: Any, now: datetime) -> None:
        told.append(now)
        clock.advance(timedelta(minutes=1))

    taker = Taker(uow_factory=uow_factory, clock=clock, on_taken=hear)
    for raw in (document(reading(1)), document(reading(2, quarter=1)), document(reading(3, quarter=2))):
        await taker.take_all(list(SepSource().read(BytesIO(raw))))
    assert told == [NOW + timedelta(minutes=number) for number in range(3)]
    async with uow_factory() as uow:
        for number, known in enumerate((1, 3, 6)):
            found = await interval_energy(
                uow.connection, meter=METER, direction=Direction.IMPORT, window=DAY, as_of=told[number]
            )
            assert total_energy(found).watt_hours == known


async def test_behind_the_first_document_of_a_new_meter_the_others_are_taken_together(
    uow_factory: UnitOfWorkFactory,
) -> None:
    together: list[int] = []

    async def hear(_uow: Any, results: Any, _now: datetime) -> None:
        together.append(len(results))

    taker = Taker(uow_factory=uow_factory, clock=ManualClock(NOW), on_taken=hear)
    group = [
        found
        for quarter in range(4)
        for found in SepSource().read(BytesIO(document(reading(7, quarter=quarter))))
    ]
    outcomes = await taker.take_all(group)
    assert [each.accepted for each in outcomes if isinstance(each, IngestResult)] == [1, 1, 1, 1]
    assert together == [1, 3]
    again = await taker.take_all(group)
    assert [each.repeated for each in again if isinstance(each, IngestResult)] == [True] * 4


async def test_a_meter_goes_by_its_registered_name_in_files(
    desk: Desk, uow_factory: UnitOfWorkFactory
) -> None:
    async with uow_factory() as uow:
        await MeterRegistry(uow.connection).add(
            MeterIdentity(mrid=METER.zfill(32)),
            MeterTerms(external_ids=("meter of Anna",)),
            valid_from=TEN,
            holder=None,
            made_by="the operator",
            why="she calls it so",
            now=TEN,
        )
    line = "meter of Anna,import,2026-03-14T04:30:00Z,2026-03-14T04:45:00Z,40\n"
    (view,) = await desk.imports(desk.write("readings.csv", HEADING + line))
    assert counts(view) == (1, 0, 0, 0, 0)
    assert await desk.energy() == 40


async def test_an_mrid_that_several_devices_use_is_rejected_and_names_no_device_by_chance(desk: Desk) -> None:
    for digit in "AB":
        posted = meter(register(day_of_readings()[:1]), lfdi=digit * 40)
        await desk.posts(write_mirror_usage_point(posted), "utility")
    path = desk.write("day.csv", (EXAMPLES / "day.csv").read_text())
    (view,) = await desk.imports(path, status=1)
    assert (view["accepted"], view["reasons"]) == (1, {"METER_AMBIGUOUS": 1})
    _, *lines = desk.read(view["reject_file"]).splitlines()
    assert len(lines) == 3


async def test_columns_and_directions_are_said_as_they_are_in_the_file(desk: Desk) -> None:
    path = desk.write("usage.csv", "Zeit;Verbrauch\n2026-03-14 10:00;0,04\n")
    options = (
        "--column",
        "start=Zeit",
        "--column",
        "kwh=Verbrauch",
        "--decimal-comma",
        "--meter",
        "100200300",
    )
    more = ("--zone", "Asia/Kolkata", "--interval", "15m", "--direction", "import")
    (view,) = await desk.imports(path, *options, *more)
    assert counts(view) == (1, 0, 0, 0, 0)
    assert await desk.energy() == 40
    for wrong in (("--column", "Zeit"), ("--direction", "sideways")):
        result = await invoke("meter", "import", str(path), *wrong, "--database-url", desk.database_url)
        assert result.exit_code == 2
