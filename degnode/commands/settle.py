"""`degnode settle`: a local day of many contracts settled at once, from files or the node's own database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from degnode.commands.meter_readings import read_date
from degnode.commands.place import Place, at_a_place
from degnode.node_database import node_database
from degnode.printing import AsJson
from kernel.clock import SystemClock
from kernel.local_days import LocalDay, ZoneUnknown
from settlement.engines.calendar import find_day, require_closed
from settlement.engines.duckdb_engine import DuckdbEngine
from settlement.engines.faults import EngineUnavailable
from settlement.engines.file_sets import JSON_LINES, PARQUET, FileSet, find_files
from settlement.engines.line_files import require_form, write_lines
from settlement.engines.port import SettlementEngine
from settlement.engines.settled_day import SettledDay, settle_day
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory

OWN: Final = "db"


class EngineName(StrEnum):
    """Which engine computes the quantities; all compute the same."""

    DUCKDB = "duckdb"
    POSTGRES = "postgres"
    SPARK = "spark"
    CLICKHOUSE = "clickhouse"
    IBIS = "ibis"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePlace(Place):
    """Which node, where that is asked; which day, and how."""

    zone: Annotated[str, typer.Option(help="The market's time zone, like Asia/Kolkata.")] = "UTC"
    engine: Annotated[EngineName, typer.Option(help="What computes the quantities.")] = EngineName.DUCKDB
    url: Annotated[
        str | None, typer.Option(help="Spark's master, or where Ibis finds ClickHouse or another engine.")
    ] = None
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A file for the lines: .parquet, .csv or .json.")
    ] = None
    provisional: Annotated[bool, typer.Option(help="Settle a day whose readings may still come.")] = False


@at_a_place
def settle(
    *,
    readings: Annotated[
        list[str], typer.Option(help="Parquet files, folders or patterns; db is the node's own readings.")
    ],
    contracts: Annotated[
        list[str], typer.Option(help="Parquet or JSON Lines, as above; db is the node's own contracts.")
    ],
    day: Annotated[date, typer.Option(parser=read_date, help="The local day, like 2026-03-14.")],
    as_json: AsJson = False,
    place: SettlePlace,
) -> None:
    """Settle a local day of many contracts at once: quantities, prices, lines, and their SHA-256."""
    if place.out is not None:
        require_form(place.out)
    try:
        local = find_day(day, zone=place.zone)
    except ZoneUnknown as error:
        raise typer.BadParameter(str(error), param_hint="--zone") from error
    if not place.provisional:
        require_closed(local, now=SystemClock().now())
    settled = asyncio.run(_settle(local, readings, contracts, place))
    if place.out is not None:
        write_lines(settled.lines, place.out)
    view = summary_of(settled) | {"zone": place.zone, "engine": place.engine.value}
    print(json.dumps(view, indent=2)) if as_json else _print_summary(view)


async def _settle(day: LocalDay, readings: list[str], contracts: list[str], place: SettlePlace) -> SettledDay:
    needs_node = [OWN] in (readings, contracts) or place.engine is EngineName.POSTGRES
    with TemporaryDirectory(prefix="degnode-settle-") as folder:
        async with _database(place, needed=needs_node) as database:
            read = await _readings(readings, day, database, Path(folder))
            agreed = await _contracts(contracts, day, database, Path(folder))
            engine = make_engine(place.engine, url=place.url, database=database)
            return await asyncio.to_thread(
                settle_day, day, zone=place.zone, readings=read, contracts=agreed, engine=engine
            )


@asynccontextmanager
async def _database(place: SettlePlace, *, needed: bool) -> AsyncIterator[Database | None]:
    """Open the node's database only where it is needed: files alone start none."""
    if not needed:
        yield None
        return
    async with node_database(place.role, place.data_dir, place.database_url) as database:
        yield database


async def _readings(said: list[str], day: LocalDay, database: Database | None, folder: Path) -> FileSet:
    if said != [OWN] or database is None:
        return find_files(said, endings=PARQUET)
    from settlement.engines.service_data import write_readings

    return await write_readings(UnitOfWorkFactory(database), day, folder / "readings.parquet")


async def _contracts(said: list[str], day: LocalDay, database: Database | None, folder: Path) -> FileSet:
    if said != [OWN] or database is None:
        return find_files(said, endings=(*PARQUET, *JSON_LINES))
    from settlement.engines.service_data import write_contracts

    return await write_contracts(UnitOfWorkFactory(database), day, folder / "contracts.jsonl")


def make_engine(name: EngineName, *, url: str | None, database: Database | None) -> SettlementEngine:
    """Return the engine of that name. Raises: EngineUnavailable."""
    if name is EngineName.DUCKDB:
        return DuckdbEngine()
    if name is EngineName.POSTGRES and database is not None:
        from settlement.engines.postgres_engine import PostgresEngine

        dsn = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return PostgresEngine(dsn)
    try:
        return _fleet_engine(name, url)
    except ImportError as error:
        raise EngineUnavailable(
            f"{name} needs {error.name}, which is not installed here",
            path="engine",
            hint="Install what settles on a cluster: pip install 'degnode[fleet]'.",
        ) from error


def _fleet_engine(name: EngineName, url: str | None) -> SettlementEngine:
    from degnode.fleet import LOCAL_MASTER, ibis_engine, spark_engine

    if name is EngineName.SPARK:
        return spark_engine(url or LOCAL_MASTER)
    if url is None:
        raise EngineUnavailable(
            f"where {name} is was not said",
            path="url",
            hint="Say --url, like clickhouse://user:secret@host/database.",
        )
    return ibis_engine(url)


def summary_of(settled: SettledDay) -> dict[str, Any]:
    """Return what a day came to, for programs. Units: Wh; amounts in major units as text."""
    totals: dict[str, dict[str, str]] = {}
    for (currency, item), money in settled.lines.totals().items():
        totals.setdefault(currency, {})[item.value] = str(money.amount)
    return {
        "day": settled.day.date.isoformat(),
        "contracts": settled.contracts,
        "contracts_settled": settled.contracts_settled,
        "settled_wh": settled.settled,
        "unmatched_export_wh": settled.exported - settled.settled,
        "unmatched_import_wh": settled.imported - settled.settled,
        "lines": len(settled.lines),
        "totals": totals,
        "sha256": settled.lines.fingerprint(),
    }


def _print_summary(view: dict[str, Any]) -> None:
    table = Table(title=f"{view['day']} in {view['zone']}", title_justify="left", show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right", overflow="fold")
    table.add_row("engine", view["engine"])
    table.add_row("contracts settled", f"{view['contracts_settled']:,} of {view['contracts']:,}")
    table.add_row("settled", f"{view['settled_wh']:,} Wh")
    table.add_row("exported without counterpart", f"{view['unmatched_export_wh']:,} Wh")
    table.add_row("imported without counterpart", f"{view['unmatched_import_wh']:,} Wh")
    for currency, items in view["totals"].items():
        for item, amount in items.items():
            table.add_row(item.lower().replace("_", " "), f"{amount} {currency}")
    table.add_row("lines", f"{view['lines']:,}")
    table.add_row("SHA-256", view["sha256"])
    Console().print(table)
