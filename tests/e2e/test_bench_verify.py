"""The benchmark of look-ups measures what it says: each sender is asked for once, of a real registry."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from degnode.bench import verify
from degnode.demo.scenario import make_scenario
from kernel.clock import SystemClock


async def test_each_sender_is_asked_for_once_and_then_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verify, "_ROUNDS", 1)
    monkeypatch.setattr(verify, "_ROUND", 10)
    catalog, told = tmp_path / "catalog.yaml", list[str]()
    make_scenario(SystemClock().now(), lead=timedelta(hours=1)).write_catalogue(catalog)
    report = await verify.bench_verify(senders=12, in_flight=4, catalog=catalog, tell=told.append)
    assert (report.senders, report.questions) == (12, 12)
    assert min(report.cold_rate, report.stored_rate, report.warm_rate, report.bare_rate) > 0
    assert report.ratio(report.bare_rate) == 1
    assert report.warm_ratio > 0
    assert len(told) == 3
