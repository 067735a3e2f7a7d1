"""`degnode bench`: what this machine does with messages, each figure beside a reference."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from degnode.commands.settle import EngineName, make_engine
from kernel.clock import SystemClock
from node.telemetry import configure_logging
from protocol.ed25519 import ENGINE
from storage.database import Database
from storage.embedded import start_embedded

bench = typer.Typer(
    help="Measure messages, the wire, searches, meters, settlement and the ledger, beside references.",
    no_args_is_help=True,
)


@bench.command()
def receive(
    messages: Annotated[int, typer.Option(min=1_000, max=1_000_000, help="How many to send.")] = 40_000,
    connections: Annotated[int, typer.Option(min=1, max=256, help="How many at a time.")] = 16,
) -> None:
    """Send signed confirms to a running BPP: verify, validate, store durably, signed ACK.

    The reference is the bare Ed25519 verify rate of OpenSSL on one core in the same run.
    """
    from degnode.bench.receive import bench_receive

    configure_logging(level="WARNING", log_format="console")
    console = Console(stderr=True)
    with _catalogue() as catalog:
        report = uvloop.run(
            bench_receive(messages=messages, connections=connections, catalog=catalog, tell=console.print)
        )
    _print(
        "Receive",
        {
            "messages": f"{report.sent:,} of {report.body_bytes:,} bytes, {connections} connections",
            "bare verify, OpenSSL, one core": f"{report.verify_rate:,.0f}/s",
            f"bare verify, {ENGINE.name}, as the node does": f"{report.engine_rate:,.0f}/s",
            "received": f"{report.rate:,.0f}/s",
            "ratio to bare verify, OpenSSL": f"{report.ratio:.2f}",
            f"ratio to bare verify, {ENGINE.name}": f"{report.engine_ratio:.2f}",
            "processor time a message": f"{report.processor_verifications:.1f} bare verifications",
            "latency p50 / p99": f"{report.latency(0.5) * 1e3:.1f} / {report.latency(0.99) * 1e3:.1f} ms",
            "refused": f"{report.refused:,}",
            "rows missing": f"{report.sent - report.stored:,}",
            "memory first / last round": f"{report.memory[0]:.0f} / {report.memory[-1]:.0f} MiB",
        },
    )
    if report.refused or report.sent != report.stored:
        sys.exit(1)


@bench.command()
def callbacks(
    count: Annotated[
        int, typer.Option("--callbacks", min=100, max=100_000, help="How many to deliver.")
    ] = 5_000,
    in_flight: Annotated[int, typer.Option(min=1, max=256, help="How many at a time.")] = 32,
) -> None:
    """Deliver signed callbacks from the outbox to a peer that acknowledges at once.

    The reference is the bare rate at which the same client posts the same bytes to the same peer.
    """
    from degnode.bench.callbacks import bench_callbacks

    configure_logging(level="WARNING", log_format="console")
    report = uvloop.run(bench_callbacks(callbacks=count, in_flight=in_flight))
    _print(
        "Callbacks",
        {
            "callbacks": f"{report.callbacks:,}, {in_flight} in flight",
            "bare posts": f"{report.bare_rate:,.0f}/s",
            "claimed, signed, delivered, recorded": f"{report.rate:,.0f}/s",
            "ratio to bare posts": f"{report.ratio:.2f}",
        },
    )


@bench.command()
def verify(
    senders: Annotated[int, typer.Option(min=10, max=100_000, help="How many senders there are.")] = 1_000,
    in_flight: Annotated[int, typer.Option(min=1, max=256, help="How many messages at a time.")] = 16,
) -> None:
    """Verify signed confirms of five kilobytes from senders whose keys are known, or are not yet.

    The reference is a bare Ed25519 verification by OpenSSL on one core in the same run.
    """
    from degnode.bench.verify import bench_verify

    configure_logging(level="WARNING", log_format="console")
    console = Console(stderr=True)
    with _catalogue() as catalog:
        report = uvloop.run(
            bench_verify(senders=senders, in_flight=in_flight, catalog=catalog, tell=console.print)
        )
    _print(
        "Verify",
        {
            "messages": f"{report.body_bytes:,} bytes each, {report.senders:,} senders",
            "bare verify, OpenSSL, one core": f"{report.bare_rate:,.0f}/s",
            f"bare verify, {ENGINE.name}, as the node does": f"{report.engine_rate:,.0f}/s",
            "key in memory": f"{report.warm_rate:,.0f}/s",
            "key in the database": f"{report.stored_rate:,.0f}/s",
            "key asked of the registry": f"{report.cold_rate:,.0f}/s",
            "ratios to bare verify, OpenSSL": " / ".join(
                [f"{report.warm_ratio:.2f}"]
                + [f"{report.ratio(rate):.3f}" for rate in (report.stored_rate, report.cold_rate)]
            ),
            "questions": f"{report.questions:,} for {report.senders:,} senders",
        },
    )


@bench.command()
def meters(
    days: Annotated[int, typer.Option(min=1, max=400, help="How many days of 64 meters to post.")] = 60,
    connections: Annotated[int, typer.Option(min=1, max=64, help="How many meters at a time.")] = 8,
    imported: Annotated[
        int, typer.Option(min=6_144, max=50_000_000, help="About how many readings to import from a file.")
    ] = 2_000_000,
) -> None:
    """Post documents of 96 readings to a running BPP, and import files: down to committed rows.

    The reference is PostgreSQL's own COPY of the same rows on one connection in the same run.
    """
    from degnode.bench.meter_files import bench_import
    from degnode.bench.meters import bench_posts
    from metering.sources.detection import Form

    configure_logging(level="WARNING", log_format="console")
    console = Console(stderr=True)
    with _catalogue() as catalog:
        posted = uvloop.run(
            bench_posts(days=days, connections=connections, catalog=catalog, tell=console.print)
        )
    size = f"{posted.document_bytes:,} bytes"
    _print(
        "Documents posted",
        {
            "documents": f"{posted.documents:,} of {size}, {connections} connections",
            "PostgreSQL's COPY of the same rows": f"{posted.copy_rate:,.0f} readings/s",
            "posted": f"{posted.document_rate:,.0f} documents/s, {posted.rate:,.0f} readings/s",
            "ratio to COPY": f"{posted.ratio:.3f}",
            "processor time a document": f"{posted.processor_seconds / posted.documents * 1e3:.2f} ms",
            "refused": f"{posted.refused:,}",
            "rows missing": f"{posted.readings - posted.stored:,}",
            "memory at the end": f"{posted.memory:.0f} MiB",
        },
    )
    missing = posted.readings - posted.stored
    for form in (Form.CSV, Form.SEP):
        taken = uvloop.run(bench_import(form=form, readings=imported, tell=console.print))
        missing += taken.readings - taken.stored
        _print(
            f"Imported from a file of {form}",
            {
                "readings": f"{taken.readings:,} in {taken.file_bytes:,} bytes",
                "PostgreSQL's COPY of the same rows": f"{taken.copy_rate:,.0f} readings/s",
                "imported": f"{taken.rate:,.0f} readings/s",
                "ratio to COPY": f"{taken.ratio:.3f}",
                "processor time a reading": f"{taken.processor_seconds / taken.readings * 1e6:.2f} µs",
                "rows missing": f"{taken.readings - taken.stored:,}",
                "memory at the beginning / greatest / at the end": " / ".join(
                    f"{each:.0f}" for each in (taken.memory[0], max(taken.memory), taken.memory[-1])
                )
                + " MiB",
            },
        )
    if posted.refused or missing:
        sys.exit(1)


@bench.command()
def ledger(
    transfers: Annotated[int, typer.Option(min=1_000, max=10_000_000, help="How many to record.")] = 200_000,
    batch: Annotated[int, typer.Option(min=1, max=100_000, help="How many in one unit of work.")] = 5_000,
) -> None:
    """Record transfers between a thousand accounts: ids, digests, balances, committed rows.

    The reference is PostgreSQL's own COPY of the same rows on one connection in the same run.
    """
    from degnode.bench.ledger import bench_ledger

    configure_logging(level="WARNING", log_format="console")
    report = uvloop.run(bench_ledger(transfers=transfers, batch=batch, tell=Console(stderr=True).print))
    _print(
        "Ledger",
        {
            "transfers": f"{report.transfers:,}, {report.batch:,} in one unit of work",
            "PostgreSQL's COPY of the same rows": f"{report.copy_rate:,.0f}/s",
            "recorded, with balances": f"{report.rate:,.0f}/s",
            "ratio to COPY": f"{report.ratio:.3f}",
            "recorded again: nothing moves": f"{report.replay_rate:,.0f}/s",
            "rows missing": f"{report.transfers - report.stored:,}",
            "balances off by": f"{report.balances_total - report.asked_total:,}",
        },
    )
    if report.transfers != report.stored or report.balances_total != report.asked_total:
        sys.exit(1)


@bench.command()
def settle(
    readings: Annotated[
        int, typer.Option(min=9_600, max=1_000_000_000, help="About how many readings to settle.")
    ] = 20_000_000,
    contracts: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many contracts.")] = 130_000,
    engine: Annotated[EngineName, typer.Option(help="What computes the quantities.")] = EngineName.DUCKDB,
    url: Annotated[str | None, typer.Option(help="Spark's master, or an URL of Ibis.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="A folder in which the files stay; by default they are removed.")
    ] = None,
) -> None:
    """Settle a day of a fleet, from Parquet files to priced lines.

    The reference is DuckDB's bare sum of both columns of the same file in the same run.
    """
    from degnode.bench.settle import bench_settle

    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="degnode-bench-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with _engine_database(engine) as database:
            report = bench_settle(
                readings=readings,
                contracts=contracts,
                engine=make_engine(engine, url=url, database=database),
                folder=folder,
                tell=console.print,
            )
    _print(
        f"Settle a day by {engine}",
        {
            "readings": f"{report.readings:,} in {report.file_bytes:,} bytes",
            "contracts": f"{report.contracts:,}, {report.settled.contracts_settled:,} settled",
            "bare scan of the same file": f"{report.scan_seconds:.3f} s",
            "from files to priced lines": f"{report.seconds:.2f} s, {report.rate:,.0f} readings/s",
            "ratio to the scan": f"{report.ratio:.1f}",
            "ratio in processor time": f"{report.processor_ratio:.1f}",
            "greatest memory": f"{report.peak_memory:,.0f} MiB",
            "lines": f"{len(report.settled.lines):,}",
            "SHA-256 of the lines": report.settled.lines.fingerprint(),
        },
    )


@bench.command()
def discover(
    items: Annotated[
        int, typer.Option(min=100, max=1_000_000, help="How many things are for sale.")
    ] = 100_000,
    queries: Annotated[int, typer.Option(min=10, max=100_000, help="How many searches.")] = 500,
    seed: Annotated[int, typer.Option(help="Makes the same market again.")] = 1,
) -> None:
    """Search by JSONPath, radius and time among very many items, as a seller's platform answers it.

    The reference is the same search in plain PostgreSQL, indexed, on one core in the same run.
    """
    from degnode.bench.discover import bench_discover

    report = uvloop.run(
        bench_discover(items=items, queries=queries, seed=seed, tell=Console(stderr=True).print)
    )
    _print(
        "Discover",
        {
            "items": f"{report.items:,}",
            "searches": f"{len(report.engine):,}, which found {report.found:,} items",
            "index made and first searches": f"{report.first_seconds:.1f} s",
            "PostgreSQL p50 / p95": _milliseconds(report.reference_at(0.5), report.reference_at(0.95)),
            "this node p50 / p95": _milliseconds(report.engine_at(0.5), report.engine_at(0.95)),
            "ratio of p95": f"{report.ratio:.2f}",
            "memory of the index": f"{report.memory:,.0f} MiB",
            "found by one side alone": f"{report.differing:,}",
        },
    )
    if report.differing:
        sys.exit(1)


@bench.command()
def wire() -> None:
    """Read, verify and validate a confirm of five kilobytes on one core, in every generation.

    The reference is a bare Ed25519 verification by OpenSSL in the same run.
    """
    from degnode.bench.wire import bench_wire

    for report in bench_wire(now=SystemClock().now()):
        table = Table(title=f"{report.profile}, {report.body_bytes:,} bytes", title_justify="left")
        for heading in ("step", "µs", "bare verifications"):
            table.add_column(heading, justify="left" if heading == "step" else "right")
        rows = {
            "a bare verification, OpenSSL": report.bare_verify,
            f"a bare verification, {ENGINE.name}, as the node does": report.engine_verify,
            **report.steps,
            "[bold]parse, verify, validate[/bold]": report.whole,
            **{f"[dim]not on that path: {name}[/dim]": taken for name, taken in report.beside.items()},
        }
        for name, taken in rows.items():
            table.add_row(name, f"{taken:,.1f}", f"{report.ratio(taken):.2f}")
        Console().print(table)


@contextmanager
def _engine_database(engine: EngineName) -> Iterator[Database | None]:
    """Start an embedded PostgreSQL for the engine that needs one, for as long as the block runs."""
    if engine is not EngineName.POSTGRES:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="degnode-bench-", ignore_cleanup_errors=True) as folder:
        server = start_embedded(Path(folder) / "postgres")
        try:
            yield Database.connect(server.get_uri())
        finally:
            server.cleanup()


@contextmanager
def _catalogue() -> Iterator[Path]:
    """Write down what the seller of a benchmark sells, for as long as the block runs."""
    from degnode.demo.scenario import make_scenario

    with tempfile.TemporaryDirectory(prefix="degnode-bench-") as folder:
        catalog = Path(folder) / "catalog.yaml"
        make_scenario(SystemClock().now(), lead=timedelta(hours=1)).write_catalogue(catalog)
        yield catalog


def _milliseconds(*seconds: float) -> str:
    return " / ".join(f"{each * 1e3:.1f}" for each in seconds) + " ms"


def _print(title: str, figures: dict[str, str]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, figure in figures.items():
        table.add_row(name, figure)
    Console().print(table)
