"""`degnode explain`: why a bill is what it is, for people, or as a statement for `degnode verify-bill`."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console

from bpp.statements import make_statement
from degnode.bill_views import print_statement
from degnode.commands.place import Place, at_a_place
from degnode.printing import AsJson
from settlement.explanation import Record
from trading.contracts import ContractStore


@at_a_place
def explain(
    bill: Annotated[str, typer.Argument(metavar="BILL", help="A bill's id, like bill-2026-01-001.")],
    *,
    contract: Annotated[str, typer.Option(help="Whose bill it is: the id of the order.")],
    as_json: AsJson = False,
    place: Place,
) -> None:
    """Explain a bill of a seller's node: readings, what other contracts left, prices, taxes, corrections.

    The JSON is the statement that `degnode verify-bill` computes anew.
    """
    statement = asyncio.run(_explain(place, contract, bill))
    if as_json:
        print(json.dumps(statement, ensure_ascii=False))
    else:
        print_statement(statement, Console(highlight=False))


async def _explain(place: Place, contract_id: str, bill_id: str) -> Record:
    async with place.desk() as desk:
        contract = await ContractStore(desk.uow.connection).get(contract_id)
        return await make_statement(contract, bill_id, desk.uow, now=desk.now)
