"""`degnode meter import` on a real database: every form, repeats, mended rejects, whose meters."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from kernel.interval import Interval
from metering.energy import Direction
from metering.ingest import record_mirror_document
from metering.query import interval_energy, total_energy
from metering.sources.ocpp_source import meter_of_connector
from metering.tables import meter_documents, meter_readings, meter_usage_points
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke
from tests.support.metering_documents import METER, NOW

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "meters"
TEN = datetime(2026, 3, 14, 4, 30, tzinfo=UTC)  # ten o'clock in India
HALF_AN_HOUR = Interval(TEN, TEN + timedelta(minutes=30))
HEADING = "meter,direction,start,end,wh\n"


class Desk:
    """Imports files into a database, and looks at what became of them."""

    def __init__(self, folder: Path, database_url: str, uow_factory: UnitOfWorkFactory) -> None:
        self.folder = folder
        self._database_url = database_url
        self._uow_factory = uow_factory

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    async def imports(self, *arguments: str | Path, status: int = 0) -> list[dict[str, Any]]:
        """Return what the command says of each file, having ended with `status`."""
        words = [*map(str, arguments), "--json", "--database-url", self._database_url]
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
