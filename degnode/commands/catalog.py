"""`degnode catalog`: what a seller has on offer, looked at before a node reads it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from bpp.catalog import CatalogueInvalid, load_catalogue
from degnode.printing import AsJson, print_json, print_table
from kernel.plain_text import printable
from trading.listing import ListedTerms, list_offer
from trading.offer import Catalogue

_MINUTE: Final = "%Y-%m-%d %H:%M"

catalog = typer.Typer(help="What a seller has on offer.", no_args_is_help=True)


class OfferView(BaseModel):
    """An offer of a catalogue with the resource that it sells. Units: kWh; major units of the currency."""

    file: str
    offer: str
    resource: str
    provider: str
    source: str
    meter: str
    available_kwh: Decimal
    produced_from: datetime
    produced_until: datetime
    pricing_model: str
    price_per_kwh: Decimal
    flat: Decimal | None
    """What is due whatever flows: a subscription's fee, or a fixed price."""
    currency: str
    share_percent: Decimal | None
    """Of the meter, where that is shared out by fixed shares."""


@catalog.callback()
def _group() -> None:
    """Keep `check` a command of its own, also while it is the only one."""


@catalog.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="YAML files of catalogues.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say of every catalogue file what it offers, and of those that no node takes, where and why.

    It needs no node. Ends with status 1 if a file is wrong.
    """
    found: list[OfferView] = []
    wrong: list[CatalogueInvalid] = []
    for file in files:
        try:
            found += _views(load_catalogue(file), str(file))
        except CatalogueInvalid as error:
            wrong.append(error)
    if as_json:
        print_json(found)
    elif found:
        print_table("On offer", ("offer", "source", "kWh", "produced (UTC)", "price"), _rows(found))
    for fault in wrong:
        Console(stderr=True).print(Text.assemble(("wrong:", "red"), " ", printable(str(fault))))
    if wrong:
        sys.exit(1)


def _views(catalogue: Catalogue, file: str) -> Iterator[OfferView]:
    resources = {resource.id: resource for resource in catalogue.resources}
    for offer in catalogue.offers:
        resource, terms = resources[offer.resource_id], list_offer(offer).terms
        yield OfferView(
            file=file,
            offer=offer.id,
            resource=resource.id,
            provider=resource.provider_id,
            source=resource.source.source_type,
            meter=resource.source.meter_id,
            available_kwh=resource.available.kilowatt_hours,
            produced_from=resource.production.start.astimezone(UTC),
            produced_until=resource.production.end.astimezone(UTC),
            pricing_model=terms.pricing_model,
            price_per_kwh=terms.price.per_kwh,
            flat=_flat(terms),
            currency=terms.price.currency.code,
            share_percent=offer.terms.share_percent,
        )


def _flat(terms: ListedTerms) -> Decimal | None:
    return terms.flat.amount if terms.flat else None


def _rows(offers: Sequence[OfferView]) -> list[tuple[object, ...]]:
    return [
        (
            each.offer,
            each.source,
            f"{each.available_kwh:f}"
            + (f", {each.share_percent:f} % of the meter" if each.share_percent else ""),
            f"{each.produced_from:{_MINUTE}} – {each.produced_until:{_MINUTE}}",
            _price(each),
        )
        for each in offers
    ]


def _price(offer: OfferView) -> str:
    """Return what energy costs, in words; of prices by the hour it is that of all other hours."""
    parts = [f"{offer.flat} {offer.currency}"] if offer.flat is not None else []
    if offer.price_per_kwh or not parts:
        parts.append(f"{offer.price_per_kwh:f} {offer.currency} a kWh")
    return f"{' and '.join(parts)} ({offer.pricing_model})"
