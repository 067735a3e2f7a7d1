"""A node's own contracts and readings, written as the files that every engine reads.

Of each reading the latest revision counts. An interval counts for both directions where it starts.
"""

from __future__ import annotations

from asyncio import to_thread
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import simplejson
from sqlalchemy import Row, func, select

from kernel.energy import ZERO_ENERGY
from kernel.interval import Interval
from kernel.local_days import LocalDay
from metering.energy import Direction
from metering.query import interval_energy
from settlement.engines.faults import DataInvalid
from settlement.engines.file_sets import FileSet, open_duckdb, quoted
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.curtailments import CurtailmentStore
from trading.records import terms_from_record
from trading.tables import contracts

_DIRECTIONS: Final = (Direction.IMPORT, Direction.EXPORT)


async def write_contracts(uow_factory: UnitOfWorkFactory, day: LocalDay, path: Path) -> FileSet:
    """Write the binding contracts that overlap `day`, and what overlaps them before, as JSON Lines.

    Raises: DataInvalid, if one of them has a fixed share of its meter.
    """
    async with uow_factory() as uow:
        found = await _overlapping(uow, day)
        lines = [simplejson.dumps(await _line(row, uow)) for row in found]
    await to_thread(path.write_text, "".join(f"{line}\n" for line in lines))
    return FileSet((str(path),))


async def write_readings(uow_factory: UnitOfWorkFactory, day: LocalDay, path: Path) -> FileSet:
    """Write the readings of those contracts' meters up to the day's end as Parquet."""
    async with uow_factory() as uow:
        found = await _overlapping(uow, day)
    since = min((row.window_start for row in found), default=day.period.start)
    window = Interval(min(since, day.period.start), day.period.end)
    rows: list[tuple[str, int, int, int]] = []
    for meter in sorted({mrid for row in found for mrid in (row.source_mrid, row.target_mrid)}):
        async with uow_factory() as uow:
            rows += await _readings(uow, meter, window)
    await to_thread(_write, rows, path)
    return FileSet((str(path),))


async def _overlapping(uow: UnitOfWork, day: LocalDay) -> list[Row[Any]]:
    """Return the rows of binding contracts; what is left of a quantity depends on those before."""
    columns = contracts.c
    binding = columns.confirmed_at.is_not(None) & (columns.window_start < day.period.end)
    since: datetime | None = day.period.start
    reached: datetime | None = None
    while since is not None and since != reached:
        reached = since
        earliest = select(func.min(columns.window_start)).where(binding, columns.window_end > reached)
        begun = (await uow.connection.execute(earliest)).scalar_one()
        since = None if begun is None else min(begun, reached)
    query = select(contracts).where(binding, columns.window_end > reached).order_by(columns.id)
    return list(await uow.connection.execute(query))


async def _line(row: Row[Any], uow: UnitOfWork) -> dict[str, Any]:
    terms = terms_from_record(row.terms)
    if terms.share_percent is not None:
        raise DataInvalid(
            f"the contract {row.id} has a fixed share of its meter, and engines share meters out first in, "
            "first out",
            path=f"contract {row.id}",
            hint="The node settles it by its share; give the other contracts as files.",
        )
    if row.source_mrid == row.target_mrid:
        raise DataInvalid(
            f"the contract {row.id} is metered once, and engines compare what two meters counted",
            path=f"contract {row.id}",
            hint="The node settles it by its one meter; give the other contracts as files.",
        )
    cut = await CurtailmentStore(uow.connection).find_cut(row.id)
    return {
        "contract": row.id,
        "source": row.source_mrid,
        "target": row.target_mrid,
        "trade_time": row.confirmed_at.isoformat(),
        "quantity_wh": row.quantity_wh - (ZERO_ENERGY if cut is None else cut.quantity).watt_hours,
        "window_start": row.window_start.replace(microsecond=0).isoformat(),
        "window_end": row.window_end.replace(microsecond=0).isoformat(),
        "matching": terms.matching.value,
        "currency": terms.currency.code,
        "rate": str(terms.price.per_kwh),
        "wheeling_fixed": "" if terms.wheeling is None else str(terms.wheeling.amount.amount),
        "discount_percent": "" if terms.discount is None else str(terms.discount.percent),
    }


async def _readings(uow: UnitOfWork, meter: str, window: Interval) -> list[tuple[str, int, int, int]]:
    counted: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for column, direction in enumerate(_DIRECTIONS):
        for each in await interval_energy(uow.connection, meter=meter, direction=direction, window=window):
            counted[int(each.period.start.timestamp())][column] += each.energy.watt_hours
    return [(meter, second, *both) for second, both in sorted(counted.items())]  # type: ignore[misc]  # two


def _write(rows: Iterable[tuple[str, int, int, int]], path: Path) -> None:
    meters, seconds, imported, exported = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = {
        "meter": np.array(meters, dtype=object),
        "second": np.array(seconds, dtype=np.int64),
        "import_wh": np.array(imported, dtype=np.int64),
        "export_wh": np.array(exported, dtype=np.int64),
    }
    with open_duckdb() as connection:
        connection.register("readings", columns)
        connection.execute(
            "COPY (SELECT CAST(meter AS VARCHAR) AS meter, to_timestamp(second) AS start, "  # noqa: S608
            f"import_wh, export_wh FROM readings) TO {quoted(str(path))} (FORMAT parquet)"
        )
