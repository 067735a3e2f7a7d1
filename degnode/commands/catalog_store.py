"""`degnode catalog import`, `list`, `history`, `withdraw`, `publish` …: what a node sells, by its database.

A node that runs takes each new version at once; one that does not, when it starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import simplejson
import typer

from bpp.api.catalog_views import view_head, view_outcome
from bpp.api.publications import PublicationView, receivers, view_publication
from bpp.catalog.changes import Kind, merge_entries, withdraw
from bpp.catalog.csv_table import CsvEntries, load_csv
from bpp.catalog.desk import Change, Outcome, Wish, change_catalogue
from bpp.catalog.document import Document, load_document
from bpp.catalog.versions import CatalogueVersions, Origin, Version, existing
from bpp.catalog_file.reader import CatalogueInvalid, catalogue_of
from bpp.publishing.publications import Publications, Scope
from bpp.publishing.publisher import publish_job
from degnode.actor import operator
from degnode.commands.catalog_forecast import tell_oversold
from degnode.commands.catalog_offers import OFFER_HEADINGS, offer_rows, offer_views
from degnode.commands.place import Place, at_a_place
from degnode.commands.reasons import Why
from degnode.printing import AsJson, print_json, print_table
from degnode.roles.catalogue import PublishingSettings
from degnode.roles.configuration import load_settings
from kernel.plain_text import printable
from storage.job_queue import put_job
from storage.unit_of_work import UnitOfWork

_CSV: Final = ".csv"
_SHOWN: Final = 200

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
Number = Annotated[int | None, typer.Argument(metavar="VERSION", min=1, help="By default the current one.")]
To = Annotated[
    list[str] | None,
    typer.Option(help="Subscriber id of a discovery service; by default those of DEGNODE_PUBLISH_TO."),
]


@at_a_place
def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="A whole catalogue (YAML, JSON), and CSV files of resources or offers that add to it.",
        ),
    ],
    *,
    why: Why = "imported",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    place: Place,
) -> None:
    """Sell from these files: a YAML or JSON file replaces the catalogue, CSV files add to it or change it.

    Nothing is changed if anything is wrong. What is held or sold stays so; contracts keep their terms.
    """
    asyncio.run(_change(place, _imported(files), why, Origin.IMPORT, dry_run=dry_run, as_json=as_json))


@at_a_place
def list_offers(*, as_json: AsJson = False, place: Place) -> None:
    """List what the node sells now."""
    asyncio.run(_list(place, as_json=as_json))


@at_a_place
def show(number: Number = None, *, place: Place) -> None:
    """Print a version of the catalogue as JSON; `import` takes it again."""
    asyncio.run(_show(place, number))


@at_a_place
def history(*, as_json: AsJson = False, place: Place) -> None:
    """List the versions of the catalogue, the newest first: who made them, when, from what and why."""
    asyncio.run(_history(place, as_json=as_json))


@at_a_place
def withdraw_entries(
    ids: Annotated[
        list[str],
        typer.Argument(metavar="ID…", help="Of offers, of resources with their offers, of whole providers."),
    ],
    *,
    kind: Annotated[Kind | None, typer.Option(help="Of what, if an id is that of several things.")] = None,
    why: Why,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    place: Place,
) -> None:
    """Sell these no more; contracts on them go on."""

    def change(current: Document | None) -> Document:
        return withdraw(current or {}, ids, kind=kind)

    asyncio.run(_change(place, change, why, Origin.WITHDRAWAL, dry_run=dry_run, as_json=as_json))


@at_a_place
def publish(
    *,
    to: To = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Tell everything, not only what has changed since the last time.")
    ] = False,
    place: Place,
) -> None:
    """Have the node tell discovery services what it sells; `publications` shows what they make of it."""
    usual = () if to else load_settings(PublishingSettings, data_dir=place.data_dir).publish_to
    asyncio.run(_publish(place, receivers(to or (), usual=usual), Scope.WHOLE if whole else Scope.CHANGES))


@at_a_place
def publications(*, as_json: AsJson = False, place: Place) -> None:
    """List what was published, the newest first, and what discovery services made of it, with reasons."""
    asyncio.run(_publications(place, as_json=as_json))


def _imported(files: Sequence[Path]) -> Change:
    """Return what the files make of a catalogue; they are read now. Raises: CatalogueInvalid."""
    whole: Document | None = None
    tables: list[CsvEntries] = []
    for file in files:
        if file.suffix.lower() == _CSV:
            tables.append(load_csv(file))
        elif whole is None:
            whole = load_document(file)
        else:
            raise CatalogueInvalid(
                f"{file} is a whole catalogue, and so is a file before it",
                hint="A node sells from one catalogue: name one YAML or JSON file, and CSV files.",
            )

    def change(current: Document | None) -> Document:
        document = existing(whole if whole is not None else current)
        for table in tables:
            document = merge_entries(document, table.kind, table.entries)
        return document

    return change


async def _change(
    place: Place, change: Change, why: str, origin: Origin, *, dry_run: bool, as_json: bool
) -> None:
    async with place.desk() as desk:
        wish = Wish(change=change, by=operator(), why=why, origin=origin)
        async with desk.uow.connection.begin_nested() as trial:
            outcome = await change_catalogue(desk.uow, wish, now=desk.now)
            if dry_run:
                await trial.rollback()
    if as_json:
        print_json([view_outcome(outcome)])
    else:
        _tell(outcome, dry_run=dry_run)


def _tell(outcome: Outcome, *, dry_run: bool) -> None:
    head = outcome.version.head
    if not outcome.is_new:
        print(f"Nothing changes: version {head.number} says the same.")
        return
    would = "would be " if dry_run else ""
    print(f"Version {head.number} of {printable(head.catalogue_id)}{' would be made' if dry_run else ''}:")
    for what in _changes(outcome):
        print(f"  {would}{what}")
    tell_oversold(outcome.oversold)


def _changes(outcome: Outcome) -> Iterator[str]:
    differs = outcome.difference
    for word, kinds in (
        ("added", differs.added),
        ("changed", differs.changed),
        ("withdrawn", differs.removed),
    ):
        for kind, ids in kinds.items():
            if ids:
                more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
                names = ", ".join(printable(each) for each in ids[:5])
                yield f"{word}: {len(ids)} of the {kind.value} ({names}{more})"


async def _list(place: Place, *, as_json: bool) -> None:
    async with place.desk() as desk:
        version = await _version(desk.uow, None)
    found = list(offer_views(catalogue_of(version.document, name="the catalogue"), "the node"))
    if as_json:
        print_json(found)
    else:
        title = f"On offer: version {version.head.number}"
        print_table(title, OFFER_HEADINGS, offer_rows(found))


async def _show(place: Place, number: int | None) -> None:
    async with place.desk() as desk:
        version = await _version(desk.uow, number)
    print(simplejson.dumps(version.document, use_decimal=True, ensure_ascii=False, indent=2))


async def _version(uow: UnitOfWork, number: int | None) -> Version:
    """Return a version, by default the current one. Raises: VersionUnknown."""
    versions = CatalogueVersions(uow.connection)
    return await versions.get_current() if number is None else await versions.get(number)


async def _history(place: Place, *, as_json: bool) -> None:
    async with place.desk() as desk:
        heads = await CatalogueVersions(desk.uow.connection).history(limit=_SHOWN)
    views = [view_head(head) for head in heads]
    if as_json:
        print_json(views)
        return
    rows = [(v.version, f"{v.made_at:%Y-%m-%d %H:%M:%S}", v.origin, v.made_by, v.why) for v in views]
    print_table("Versions of the catalogue", ("version", "made (UTC)", "from", "by", "why"), rows)


async def _publish(place: Place, to: Sequence[str], scope: Scope) -> None:
    async with place.desk() as desk:
        await _version(desk.uow, None)
        for peer in to:
            await put_job(desk.uow, publish_job(peer, scope, requested_by=operator().who))
    for peer in to:
        print(f"The node tells {printable(peer)} as soon as it runs; degnode catalog publications shows it.")


async def _publications(place: Place, *, as_json: bool) -> None:
    async with place.desk() as desk:
        kept = await Publications(desk.uow.connection).latest(limit=_SHOWN)
    views = [view_publication(each) for each in kept]
    if as_json:
        print_json(views)
        return
    headings = ("published (UTC)", "to", "version", "told", "delivery", "result")
    print_table("Publications", headings, [_publication_row(view) for view in views])


def _publication_row(view: PublicationView) -> tuple[object, ...]:
    return (
        f"{view.published_at:%Y-%m-%d %H:%M:%S}",
        view.to,
        view.version,
        view.scope,
        view.delivery + (f": {view.delivery_error}" if view.delivery_error else ""),
        "\n".join(_results(view)) or "no answer yet",
    )


def _results(view: PublicationView) -> Iterator[str]:
    if view.refusal is not None:
        yield f"refused: {view.refusal['message']} ({view.refusal['code']})"
    for result in view.results:
        items = "" if result.items is None else f", {result.items} items"
        yield f"{result.catalogue_id}: {result.status}{items}"
        notices: list[Any] = [*result.errors, *result.warnings]
        yield from (f"  {notice.message} ({notice.code})" for notice in notices)
