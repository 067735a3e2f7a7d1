"""`degnode settle-again`: have a running seller's node settle contracts anew."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bpp.deliveries.jobs import has_account, settle_again
from bpp.orders.naming import find_meant
from degnode.commands.place import Place, at_a_place
from storage.job_queue import put_job


@at_a_place
def settle_contracts_again(
    contracts: Annotated[
        list[str], typer.Argument(metavar="CONTRACT…", help="Ids of orders, or of lines of them.")
    ],
    *,
    place: Place,
) -> None:
    """Have a seller's node settle contracts anew, by what it knows of their meters by now.

    It does so as soon as it runs. What comes to the same stays; what was billed otherwise is corrected.
    """
    for contract_id, is_put in asyncio.run(_put(place, contracts)).items():
        print(f"{contract_id}  {'is going to be settled again' if is_put else 'has nothing to settle'}")


async def _put(place: Place, contracts: list[str]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    async with place.desk() as desk:
        for named in contracts:
            for contract in await find_meant(named, desk.uow):
                found[contract.id] = has_account(contract)
                if found[contract.id]:
                    await put_job(desk.uow, settle_again(contract.id))
    return found
