"""`degnode simulate`: a realistic world to try things on."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from degnode.commands.instants import read_instant
from degnode.commands.lengths import read_length
from degnode.printing import AsJson
from degnode.simulation.faults import read_fault
from degnode.simulation.places import PLACES, PlaceName
from degnode.simulation.telling import MODULUS, Registers
from kernel.clock import Clock, SystemClock

if TYPE_CHECKING:
    from degnode.simulation.posting import Mirror
    from degnode.simulation.run import MeterRun

simulate = typer.Typer(help="A realistic world to try things on.", no_args_is_help=True)

_DAY: Final = timedelta(days=1)
_QUARTER_HOUR: Final = timedelta(minutes=15)
_LONGEST_BATCH: Final = 7 * _DAY


class Speed(StrEnum):
    """How fast documents are posted."""

    REAL = "real"
    """Each when its time is over; the world begins now."""
    FAST = "as-fast-as-possible"


Count = Annotated[int, typer.Option(min=1, max=10_000, help="How many meters.")]
Days = Annotated[int, typer.Option(min=1, max=400, help="How many days.")]
Url = Annotated[str | None, typer.Option(help="The mirror to post to, for example http://127.0.0.1:8082.")]
Key = Annotated[str, typer.Option(envvar="DEGNODE_API_KEY", show_envvar=True, help="The mirror's API key.")]
Out = Annotated[Path | None, typer.Option(help="Write the documents into this folder.", file_okay=False)]
Seed = Annotated[int, typer.Option(min=0, help="The same seed makes the same world.")]
At = Annotated[PlaceName, typer.Option("--place", help="Where the meters stand.")]
Start = Annotated[
    datetime | None,
    typer.Option(
        parser=read_instant, help="When the world begins; by default so that it ends at midnight UTC."
    ),
]
Step = Annotated[
    timedelta | None,
    typer.Option("--interval", parser=read_length, help="How long an interval is; by default 15m."),
]
Batch = Annotated[
    timedelta | None,
    typer.Option(parser=read_length, help="The time a document covers: a day, or in real time an interval."),
]
Kinds = Annotated[Registers, typer.Option(help="Interval energy, registers' stands, or both.")]
Telemetry = Annotated[bool, typer.Option("--telemetry", help="Report net power as well.")]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        help="gap, spike, stale or correction at a rate of intervals, like gap:0.01; duplicate or late at a "
        "rate of documents; reset, rollover or drift at a rate of meters. Or at a meter's interval or "
        "document: spike@3:17, gap@3:17-24. May be said several times.",
    ),
]
Modulus = Annotated[int, typer.Option(min=1_000_000, help="Where registers pass 0, in Wh.")]
Pace = Annotated[Speed, typer.Option("--speed", help="Whether to post each document when its time is over.")]
Connections = Annotated[int, typer.Option(min=1, max=256, help="How many documents are posted at a time.")]


@simulate.command()
def meters(  # noqa: PLR0913  one for each option
    *,
    count: Count = 20,
    days: Days = 2,
    url: Url = None,
    api_key: Key = "",
    out: Out = None,
    seed: Seed = 7,
    place: At = PlaceName.DELHI,
    start: Start = None,
    interval: Step = None,
    batch: Batch = None,
    registers: Kinds = Registers.BOTH,
    telemetry: Telemetry = False,
    fault: Faults = None,
    modulus: Modulus = MODULUS,
    speed: Pace = Speed.FAST,
    connections: Connections = 8,
    as_json: AsJson = False,
) -> None:
    """Simulate households and rooftops, and post or write what their meters report over IEEE 2030.5.

    The sun follows physics, households the standard load profiles; the same options make the same bytes.
    """
    from degnode.simulation.posting import Mirror, write_runs
    from degnode.simulation.run import Plan, run
    from degnode.simulation.summary import noting, print_summary, summarize
    from degnode.simulation.world import Span

    if url is None and out is None:
        raise typer.BadParameter("say where to: --url of a mirror, --out for files, or both")
    clock = SystemClock()
    step = _QUARTER_HOUR if interval is None else interval
    begin = first_instant(start, days=days, step=step, speed=speed, now=clock.now())
    plan = Plan(
        meters=count,
        place=PLACES[place],
        span=Span(start=begin, step=step, length=days * _DAY),
        seed=seed,
        batch=_batch(batch, step, speed),
        registers=registers,
        telemetry=telemetry,
        wishes=[read_fault(text) for text in fault or ()],
        modulus=modulus,
    )
    noted: dict[int, dict[str, Any]] = {}
    console = Console(stderr=True)
    if out is not None:
        written = write_runs(noting(run(plan), noted), out)
        console.print(f"{written:,} documents are in [bold]{out}[/bold].")
    if url is not None:
        wait = _waiting(clock) if speed is Speed.REAL else None
        mirror = Mirror(url=url, api_key=api_key, connections=connections, wait=wait)
        _post(noting(run(plan), noted), mirror, console)
    summary = summarize(plan, [noted[number] for number in sorted(noted)])
    if as_json:
        sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    else:
        print_summary(Console(), summary)


def _post(runs: Iterable[MeterRun], mirror: Mirror, console: Console) -> None:
    """Post everything, and show how far it is."""
    from degnode.simulation.posting import post_runs

    shown = (SpinnerColumn(), TextColumn("{task.completed:,} documents posted"), TimeElapsedColumn())
    with Progress(*shown, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        asyncio.run(post_runs(runs, mirror, progress=lambda: progress.advance(task)))


def first_instant(
    start: datetime | None, *, days: int, step: timedelta, speed: Speed, now: datetime
) -> datetime:
    """Return when the world begins: as asked, with the next interval, or so that it ends at midnight UTC."""
    if start is not None:
        return start
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if speed is Speed.FAST or not step:
        return midnight - days * _DAY
    return midnight - (midnight - now) // step * step


def _batch(batch: timedelta | None, interval: timedelta, speed: Speed) -> timedelta:
    """Return the time that a document covers. Raises: typer.BadParameter, if it would be too large."""
    wanted = batch or (interval if speed is Speed.REAL else _DAY)
    if wanted > _LONGEST_BATCH:
        raise typer.BadParameter("a document of more than seven days would be larger than mirrors take")
    return wanted


def _waiting(clock: Clock) -> Callable[[datetime], Awaitable[None]]:
    """Return what waits until an instant has come."""

    async def wait(instant: datetime) -> None:
        await asyncio.sleep(max(0.0, (instant - clock.now()).total_seconds()))

    return wait
