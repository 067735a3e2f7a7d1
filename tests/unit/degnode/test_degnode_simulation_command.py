"""`degnode simulate meters`, as it is typed: files, the table, and refusals in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from degnode.__main__ import app
from degnode.commands.simulate import Speed, first_instant
from degnode.simulation.run import run
from kernel.plain_text import one_line
from metering.energy import Direction
from tests.support.simulated_world import plan

MORNING = datetime(2026, 6, 1, 9, 41, 7, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def simulate(*options: str) -> Result:
    return CliRunner().invoke(app, ["simulate", "meters", *options], terminal_width=200)


def test_the_table_says_what_was_simulated_and_where_a_fault_struck(tmp_path: Path) -> None:
    result = simulate(
        *("--count", "2", "--days", "1", "--start", "2026-06-01T00:00:00Z", "--place", "berlin"),
        *("--out", str(tmp_path), "--fault", "gap@2:17", "--fault", "late@1:0"),
    )
    assert result.exit_code == 0
    assert "Berlin, 2026-06-01T00:00:00Z to 2026-06-02T00:00:00Z, seed 7" in result.stdout
    assert "gap        meter 2, 2026-06-01T04:15:00Z" in result.stdout
    assert "late       meter 1, document 0" in result.stdout
    assert len(list(tmp_path.rglob("*.xml"))) == 4


def test_as_json_it_says_what_truly_flowed_and_what_is_told_in_the_end(tmp_path: Path) -> None:
    result = simulate(
        *("--count", "3", "--days", "1", "--start", "2026-06-01T00:00:00Z", "--batch", "1h", "--json"),
        *("--out", str(tmp_path), "--fault", "gap@3:17"),
    )
    summary = json.loads(result.stdout)
    runs = list(run(plan("gap@3:17")))
    assert summary["faults"] == {"gap": 1}
    for meter, one in zip(summary["meters"], runs, strict=True):
        assert meter["importedWh"] == sum(one.history.imported)
        assert meter["toldImportWh"] == one.told(Direction.IMPORT)
    missing = runs[2].history.imported[17]
    assert summary["meters"][2]["importedWh"] - summary["meters"][2]["toldImportWh"] == missing > 0
    assert summary["readings"] == sum(meter["readings"] for meter in summary["meters"])


def test_a_world_of_past_days_ends_at_midnight_and_one_in_real_time_begins_now() -> None:
    past = first_instant(None, days=2, step=QUARTER, speed=Speed.FAST, now=MORNING)
    real = first_instant(None, days=2, step=QUARTER, speed=Speed.REAL, now=MORNING)
    assert past == datetime(2026, 5, 30, tzinfo=UTC)
    assert real == datetime(2026, 6, 1, 9, 45, tzinfo=UTC)
    assert first_instant(MORNING, days=2, step=QUARTER, speed=Speed.REAL, now=MORNING) == MORNING


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "say where to"),
        (("--out", "x", "--fault", "gremlin:1"), "is no fault"),
        (("--out", "x", "--fault", "gap@21:0"), "there is no meter 21"),
        (("--out", "x", "--batch", "8d"), "seven days"),
        (("--out", "x", "--interval", "7m"), "not made of five minutes"),
        (("--out", "x", "--interval", "0s"), "not made of five minutes"),
        (("--out", "x", "--speed", "real", "--interval", "0s"), "not made of five minutes"),
        (("--out", "x", "--place", "atlantis"), "atlantis"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_words_and_nothing_is_written(
    options: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = simulate(*options)
    assert result.exit_code != 0
    assert words in one_line(f"{result.output} {result.exception}")
    assert list(tmp_path.iterdir()) == []
