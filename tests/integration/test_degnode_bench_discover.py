"""The benchmark of searching finds with the index what PostgreSQL finds."""

from __future__ import annotations

from dataclasses import replace

from degnode.bench.discover import bench_discover


async def test_index_and_database_find_the_same() -> None:
    told: list[str] = []
    report = await bench_discover(items=3_000, queries=60, seed=7, tell=told.append)
    assert report.differing == 0
    assert report.found > 0
    assert len(report.engine) == len(report.reference) == 60
    known = replace(report, engine=[0.02] * 60, reference=[0.01] * 60)
    assert known.ratio == 2
    assert len(told) == 4
