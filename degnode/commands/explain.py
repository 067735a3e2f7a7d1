"""`degnode explain`: why a bill is what it is, for people, or as a statement for `degnode verify-bill`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from bpp.accounts.statements import make_statement
from degnode.bill_views import print_statement
from degnode.commands.place import Place, at_a_place
from degnode.printing import AsJson
from settlement.bill_owners import find_bill_named
from settlement.explanation import Record
from settlement.statements.invoice import write_csv, write_page
from settlement.statements.pdf import write_pdf
from trading.contracts import ContractStore


class Form(StrEnum):
    """How the invoice is written."""

    HTML = "html"
    CSV = "csv"
    PDF = "pdf"


_WRITERS: Final[Mapping[Form, Callable[[Record], bytes]]] = {
    Form.HTML: lambda statement: write_page(statement).encode(),
    Form.CSV: lambda statement: write_csv(statement).encode(),
    Form.PDF: lambda statement: write_pdf(write_page(statement)),
}


@at_a_place
def explain(
    bill: Annotated[str, typer.Argument(metavar="BILL", help="A bill's id, like bill-2026-01-001.")],
    *,
    contract: Annotated[
        str | None,
        typer.Option(help="Whose bill it is: the id of the order; needed where several have one of that id."),
    ] = None,
    as_json: AsJson = False,
    form: Annotated[Form | None, typer.Option("--format", help="The invoice: a page, or its lines.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file for the invoice.")] = None,
    place: Place,
) -> None:
    """Explain a bill of a seller's node: readings, what other contracts left, prices, taxes, corrections.

    The JSON is the statement that `degnode verify-bill` computes anew.
    """
    if form is Form.PDF and out is None:
        raise typer.BadParameter("a PDF needs a file: name it with --out", param_hint="--format")
    statement = asyncio.run(_explain(place, contract, bill))
    if as_json:
        print(json.dumps(statement, ensure_ascii=False))
    elif form is not None and out is not None:
        out.write_bytes(_WRITERS[form](statement))
    elif form is not None:
        print(_WRITERS[form](statement).decode(), end="")
    else:
        print_statement(statement, Console(highlight=False))


async def _explain(place: Place, contract_id: str | None, bill_id: str) -> Record:
    async with place.desk() as desk:
        named, own_id = await find_bill_named(bill_id, contract=contract_id, uow=desk.uow)
        contract = await ContractStore(desk.uow.connection).get(named)
        return await make_statement(contract, own_id, desk.uow, now=desk.now)
