"""`degnode meter import`: readings from files of any form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bpp.meters.news import tell_of_readings
from degnode.commands.import_options import ImportPlace, read_horizon, source_of
from degnode.commands.place import at_a_place
from degnode.node_database import node_database
from degnode.printing import AsJson, print_json, print_table
from kernel.clock import SystemClock
from kernel.errors import NodeError
from kernel.plain_text import one_line
from metering.registration.record import MeterIdentity
from metering.sources.detection import Form, form_of
from metering.sources.lanes import take_in_lanes
from metering.sources.meter_keys import MeterKeys, load_meter_keys
from metering.sources.opening import READ_ERRORS, OpenFile, opened
from metering.sources.ports import MeterSource, Reject, SourceUnreadable
from metering.sources.registered_names import registered_names
from metering.sources.reject_file import RejectFile
from metering.sources.taking import OPERATOR, Taken, Taker, Tally, groups_ahead
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeLimits
from storage.unit_of_work import UnitOfWorkFactory

_REJECTS_SHOWN: Final = 5


class FileView(BaseModel):
    """What became of one file: counts of readings, and of parts of the file that were not taken."""

    file: str
    format: str | None = None
    documents: int = 0
    accepted: int = 0
    duplicates: int = 0
    revised: int = 0
    quarantined: int = 0
    rejected: int = 0
    reasons: dict[str, int] = {}
    first_rejects: list[str] = []
    reject_file: str | None = None
    stopped: str | None = None


@at_a_place
def import_readings(
    files: Annotated[list[Path], typer.Argument(help="2030.5, Green Button, CSV, OCPP or signed JSON.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; keep nothing.")] = False,
    new_meters_of: Annotated[
        str, typer.Option("--new-meters-of", help="The API key's holder who may post to meters new here.")
    ] = OPERATOR,
    horizon: Annotated[
        timedelta | None,
        typer.Option(
            "--horizon",
            parser=read_horizon,
            help="How far back readings count; older are set aside. [default: 427 days]",
        ),
    ] = None,
    as_json: AsJson = False,
    place: ImportPlace,
) -> None:
    """Take readings in from files; the same again changes nothing.

    What cannot be read is written beside each file as FILE.rejects…, to be mended and imported as it is.
    The status is 1 if anything was rejected or a file could not be read to its end.
    """
    views = asyncio.run(
        _import(files, place, dry_run=dry_run, sender=new_meters_of, horizon=horizon, quiet=as_json)
    )
    if as_json:
        print_json(views)
    else:
        _print(views, dry_run=dry_run)
    if any(view.rejected or view.stopped for view in views):
        raise typer.Exit(1)


async def _import(
    files: list[Path],
    place: ImportPlace,
    *,
    dry_run: bool,
    sender: str,
    horizon: timedelta | None,
    quiet: bool,
) -> list[FileView]:
    clock = SystemClock()
    keys = load_meter_keys(place.meter_keys) if place.meter_keys else MeterKeys()
    async with node_database(place.role, place.data_dir, place.database_url) as database:
        uow_factory = UnitOfWorkFactory(database)
        async with uow_factory() as uow:
            names = await registered_names(uow.connection, at=clock.now())
        taker = Taker(
            uow_factory=uow_factory,
            clock=clock,
            on_taken=tell_of_readings,
            sender=sender,
            limits=DEFAULT_TIME_LIMITS if horizon is None else TimeLimits(horizon=horizon),
            only_try=dry_run,
        )
        run = _Run(place=place, taker=taker, names=names, keys=keys)
        with _progress(quiet=quiet) as progress:
            return [await run.file(path, progress) for path in files]


def _progress(*, quiet: bool) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[readings]:,} readings"),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """An import of some files."""

    place: ImportPlace
    taker: Taker
    names: Mapping[str, MeterIdentity]
    keys: MeterKeys

    async def file(self, path: Path, progress: Progress) -> FileView:
        """Return what became of a file; one that cannot be read on holds up no other."""
        tally, view = Tally(), FileView(file=str(path))
        try:
            with opened(path) as open_file:
                form = self.place.form or form_of(open_file.stream)
                view.format = form.value
                now = self.taker.clock.now()
                source = source_of(form, self.place, names=self.names, keys=self.keys, now=now)
                heading = open_file.stream.readline(65_536) if form is Form.CSV else b""
                open_file.stream.seek(0)
                with RejectFile(path, form, heading=heading) as rejects:
                    try:
                        await self._read(source, open_file, rejects, tally, view, progress)
                    except (SourceUnreadable, *READ_ERRORS) as error:
                        view.stopped = str(error)
                    written = rejects.finish()
                    view.reject_file = str(written) if written else None
        except NodeError as error:
            if error.retryable:
                raise
            view.stopped = str(error)
        return view.model_copy(update=_counts(tally))

    async def _read(
        self,
        source: MeterSource,
        open_file: OpenFile,
        rejects: RejectFile,
        tally: Tally,
        view: FileView,
        progress: Progress,
    ) -> None:
        task = progress.add_task(one_line(Path(view.file).name), total=open_file.size, readings=0)
        async with (
            aclosing(groups_ahead(source.read(open_file.stream))) as groups,
            aclosing(take_in_lanes(self.taker.take_all, groups)) as taken,
        ):
            async for outcomes in taken:
                self._note(outcomes, rejects, tally, view)
                readings = tally.accepted + tally.duplicates + tally.revised + tally.quarantined
                progress.update(task, completed=open_file.position(), readings=readings)

    def _note(self, outcomes: Sequence[Taken], rejects: RejectFile, tally: Tally, view: FileView) -> None:
        for outcome in outcomes:
            tally.count(outcome)
        for reject in (each for each in outcomes if isinstance(each, Reject)):
            if len(view.first_rejects) < _REJECTS_SHOWN:
                view.first_rejects.append(f"{reject.place}: {reject.code}: {reject.sentence}")
            if not self.taker.only_try:
                rejects.add(reject)


def _counts(tally: Tally) -> dict[str, int | dict[str, int]]:
    return {
        "documents": tally.documents,
        "accepted": tally.accepted,
        "duplicates": tally.duplicates,
        "revised": tally.revised,
        "quarantined": tally.quarantined,
        "rejected": tally.rejected,
        "reasons": dict(tally.reasons.most_common()),
    }


def _print(views: list[FileView], *, dry_run: bool) -> None:
    counted = ("documents", "accepted", "duplicates", "revised", "quarantined", "rejected")
    rows = [(view.file, view.format, *(getattr(view, name) for name in counted)) for view in views]
    title = "What an import would do; nothing was kept" if dry_run else "Imported"
    print_table(title, ("file", "format", *counted), rows)
    for view in views:
        _say(view)


def _say(view: FileView) -> None:
    for line in view.first_rejects:
        _print_line(f"{view.file}: {line}")
    if view.rejected > len(view.first_rejects):
        _print_line(f"{view.file}: {view.rejected - len(view.first_rejects)} more were rejected")
    if view.reject_file:
        _print_line(
            f"{view.file}: what was rejected is in {view.reject_file}: mend it and import it as it is"
        )
    if view.stopped:
        _print_line(f"{view.file}: it was not read on: {view.stopped}")


def _print_line(text: str) -> None:
    print(one_line(text))
