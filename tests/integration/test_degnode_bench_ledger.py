"""The benchmark of the ledger counts what it recorded, and finds all of it."""

from __future__ import annotations

from degnode.bench.ledger import bench_ledger


async def test_every_transfer_is_recorded_once_and_the_balances_are_their_sum() -> None:
    told: list[str] = []
    report = await bench_ledger(transfers=1_001, batch=500, tell=told.append)
    assert report.stored == report.transfers == 1_001
    assert report.balances_total == report.asked_total > 0
    assert report.ratio == report.rate / report.copy_rate
    assert len(told) == 2
