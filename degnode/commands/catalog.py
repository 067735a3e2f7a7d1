"""`degnode catalog`: what a seller has on offer: looked at before a node reads it, imported, published."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from bpp.catalog.document import load_document
from bpp.catalog_file.reader import CatalogueInvalid, catalogue_of
from degnode.commands.catalog_forecast import forecast
from degnode.commands.catalog_offers import OFFER_HEADINGS, OfferView, offer_rows, offer_views
from degnode.commands.catalog_store import (
    history,
    import_files,
    list_offers,
    publications,
    publish,
    show,
    withdraw_entries,
)
from degnode.printing import AsJson, print_json, print_table
from kernel.plain_text import printable

catalog = typer.Typer(help="What a seller has on offer.", no_args_is_help=True)


@catalog.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="YAML or JSON files of catalogues.")],
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
            found += offer_views(catalogue_of(load_document(file), name=str(file)), str(file))
        except CatalogueInvalid as error:
            wrong.append(error)
    if as_json:
        print_json(found)
    else:
        for file, offers in groupby(found, key=lambda view: view.file):
            print_table(f"On offer in {printable(file)}", OFFER_HEADINGS, offer_rows(list(offers)))
    for fault in wrong:
        Console(stderr=True).print(Text.assemble(("wrong:", "red"), " ", printable(str(fault))))
    if wrong:
        sys.exit(1)


for _name, _command in (
    ("import", import_files),
    ("list", list_offers),
    ("show", show),
    ("history", history),
    ("withdraw", withdraw_entries),
    ("forecast", forecast),
    ("publish", publish),
    ("publications", publications),
):
    catalog.command(_name)(_command)
