"""`degnode catalog forecast`: what there will be of a resource, interval by interval."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bpp.api.catalog_views import view_oversold
from bpp.catalog.versions import CatalogueVersions, VersionUnknown
from bpp.catalog_file.reader import catalogue_of
from bpp.forecasts.desk import Said, take_forecast
from bpp.forecasts.file import load_forecast
from degnode.actor import operator
from degnode.commands.place import Place, at_a_place
from degnode.commands.reasons import Why
from degnode.printing import AsJson, print_json
from degnode.roles.catalogue import PublishingSettings
from degnode.roles.configuration import load_settings
from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY
from kernel.plain_text import printable
from trading.availability.store import Oversold


@at_a_place
def forecast(
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Id of a resource of the catalogue.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CSV file with the columns start, end and kwh.")
    ],
    *,
    why: Why = "forecast",
    as_json: AsJson = False,
    place: Place,
) -> None:
    """Sell what this file says there will be of a resource; intervals that it does not name stay as they are.

    The resource has `availability: {from: forecast}`. What is held or sold stays so.
    """
    asyncio.run(_forecast(place, resource, file, why, as_json=as_json))


async def _forecast(place: Place, resource: str, file: Path, why: str, *, as_json: bool) -> None:
    said = Said(buckets=load_forecast(file), by=operator(), why=why)
    publish_to = load_settings(PublishingSettings, data_dir=place.data_dir).publish_to
    async with place.desk() as desk:
        version = await CatalogueVersions(desk.uow.connection).current()
        if version is None:
            raise VersionUnknown("there was never a catalogue here", hint="Run degnode catalog import.")
        catalogue = catalogue_of(version.document, name="the catalogue")
        oversold = await take_forecast(
            catalogue, resource, said, desk.uow, publish_to=publish_to, now=desk.now
        )
    if as_json:
        print_json([view_oversold(each) for each in oversold])
        return
    total = sum((bucket.available for bucket in said.buckets), ZERO_ENERGY)
    print(f"{total} of {printable(resource)} are forecast in {len(said.buckets)} intervals.")
    tell_oversold(oversold)


def tell_oversold(oversold: list[Oversold] | tuple[Oversold, ...]) -> None:
    """Print of what more is sold than there is, and what can be done about it."""
    for each in oversold:
        when = each.interval
        span = "" if when is None else f" from {format_instant(when.start)} until {format_instant(when.end)}"
        text = (
            f"{each.taken} of {printable(each.resource_id)}{span} are held or sold, and {each.offered} are "
            "offered now: they stay sold, and no more can be had."
        )
        Console(stderr=True).print(Text.assemble(("note:", "yellow"), " ", text, *_way_out(each)))


def _way_out(each: Oversold) -> Iterator[str]:
    if each.interval is not None and each.sold_to:
        yield (
            f" Curtail contracts by {each.taken - each.offered} in all (POST "
            f"/api/v1/contracts/ID/curtailments): {', '.join(printable(sold) for sold in each.sold_to)}"
        )
