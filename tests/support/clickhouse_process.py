"""A ClickHouse within a process of its own: a library that is large, and takes memory that it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import get_context
from typing import Final

import pytest

from tests.support.naive_settlement import Settled
from tests.support.settlement_days import SmallDay

URL: Final = "clickhouse://localhost/default?interface=chdb"
"""Of a ClickHouse within the process that asks: driver and expression are those of a server's."""
needs_clickhouse: Final = pytest.mark.skipif(
    find_spec("chdb") is None or find_spec("clickhouse_connect") is None,
    reason="ClickHouse needs chdb-core-lite and clickhouse-connect, which are not installed here",
)


class ClickhouseProcess:
    """Settles days elsewhere."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def settle(self, day: SmallDay) -> Settled:
        """Return what a day brings."""
        return self._pool.submit(_settle, day).result(timeout=120)


@contextmanager
def clickhouse_process() -> Iterator[ClickhouseProcess]:
    """Start a process with a ClickHouse and end it with the block."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        yield ClickhouseProcess(pool)


def _settle(day: SmallDay) -> Settled:
    from degnode.clickhouse import clickhouse_engine

    return day.by(clickhouse_engine(URL))
