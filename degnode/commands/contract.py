"""`degnode contract`: what a seller's operator changes of contracts, at the running node."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from degnode.commands.instants import read_instant
from degnode.commands.node_desk import HERE, NodeUrl, ask_node
from degnode.commands.reasons import Why
from degnode.printing import AsJson, print_table
from kernel.currency import Currency
from kernel.money import Money

contract = typer.Typer(
    help="What a seller changes of contracts at its running node; DEGNODE_API_KEY holds the key.",
    no_args_is_help=True,
)

Order = Annotated[str, typer.Argument(metavar="CONTRACT", help="The id of the order, or of a line of it.")]
Line = Annotated[
    int | None,
    typer.Option("--line", min=1, help="Which line of the order; ORDER.2 is its second line, too."),
]
Proposal = Annotated[str, typer.Argument(metavar="PROPOSAL", help="The id of what is proposed.")]
Code = Annotated[str, typer.Option("--reason", help="A code of the network's own, told to the buyer.")]
Instant = Annotated[datetime | None, typer.Option(parser=read_instant, metavar="INSTANT")]
_COLUMNS: Final = ("id", "contract", "by", "Wh", "start", "end", "per kWh", "why", "lapses at", "status")
_ALLOCATED: Final = ("utility", "said at", "from", "to", "said Wh", "metered Wh", "difference Wh", "verdict")


@contract.command()
def cancel(
    contract_id: Order,
    *,
    line: Line = None,
    why: Why,
    reason: Code = "",
    as_json: AsJson = False,
    url: NodeUrl = HERE,
) -> None:
    """Cancel an order with all lines that go on, or one line; its buyer is told at once, and credited."""
    done = ask_node(url, "POST", f"{_path(contract_id, line)}/cancel", form={"why": why, "reason": reason})
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
        return
    currency, lines = Currency(done["currency"]), done["lines"]
    if len(lines) > 1:
        for each in lines:
            print(f"Line {each['line']}: the buyer is owed {Money(each['owed_minor'], currency)}.")
    owed = Money(done["owed_minor"], currency)
    print(f"{done['contract_id']} is {done['status']}; the buyer is owed {owed}.")


@contract.command()
def update(  # noqa: PLR0913  one for each option
    contract_id: Order,
    *,
    line: Line = None,
    why: Why,
    watt_hours: Annotated[int | None, typer.Option("--wh", min=1, help="The quantity, in Wh.")] = None,
    start: Instant = None,
    end: Instant = None,
    price: Annotated[str | None, typer.Option("--price", help="What a kWh is to cost, such as 0.12.")] = None,
    as_json: AsJson = False,
    url: NodeUrl = HERE,
) -> None:
    """Propose another quantity, window or price of one line to the buyer, who has to accept it."""
    form: dict[str, Any] = {"why": why, "watt_hours": watt_hours, "price_per_kwh": price}
    form |= {name: at.isoformat() for name, at in (("start", start), ("end", end)) if at is not None}
    _show([ask_node(url, "POST", f"{_path(contract_id, line)}/update", form=form)], as_json=as_json)


@contract.command()
def proposals(
    contract_id: Annotated[
        str | None, typer.Argument(metavar="[CONTRACT]", help="Only of this order.")
    ] = None,
    *,
    line: Line = None,
    as_json: AsJson = False,
    url: NodeUrl = HERE,
) -> None:
    """List what was proposed of a contract, or what buyers propose and nobody answered yet."""
    if contract_id is None and line is not None:
        raise typer.BadParameter("name the order that it is a line of", param_hint="--line")
    path = "/api/v1/proposals" if contract_id is None else f"{_path(contract_id, line)}/proposals"
    _show(ask_node(url, "GET", path)["proposals"], as_json=as_json)


@contract.command()
def accept(
    contract_id: Order, proposal: Proposal, *, why: Why, as_json: AsJson = False, url: NodeUrl = HERE
) -> None:
    """Accept what a buyer proposes; the contract is changed and the buyer told."""
    _answer(contract_id, proposal, "accept", why, as_json=as_json, url=url)


@contract.command()
def refuse(
    contract_id: Order, proposal: Proposal, *, why: Why, as_json: AsJson = False, url: NodeUrl = HERE
) -> None:
    """Refuse what a buyer proposes; the buyer is told."""
    _answer(contract_id, proposal, "refuse", why, as_json=as_json, url=url)


@contract.command()
def allocations(contract_id: Order, *, as_json: AsJson = False, url: NodeUrl = HERE) -> None:
    """List what utilities say was delivered under a contract, beside what its meters say."""
    found = ask_node(url, "GET", f"{_path(contract_id)}/allocations")["allocations"]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    rows = [
        [told["utility"], told["said_at"], each["start"], each["end"]]
        + ["" if each[name] is None else each[name] for name in ("said_wh", "metered_wh", "difference_wh")]
        + [each["verdict"]]
        for told in found
        for each in (*([told["whole"]] if told["whole"] else []), *told["periods"])
    ]
    print_table("Allocations", _ALLOCATED, rows)


def _answer(contract_id: str, proposal: str, verb: str, why: str, *, as_json: bool, url: str) -> None:
    path = f"{_path(contract_id)}/proposals/{quote(proposal, safe='')}/{verb}"
    _show([ask_node(url, "POST", path, form={"why": why})], as_json=as_json)


def _path(contract_id: str, line: int | None = None) -> str:
    """Return where a contract is; a line is named by its number after the order's id."""
    named = contract_id if line is None else f"{contract_id}.{line}"
    return f"/api/v1/contracts/{quote(named, safe='')}"


def _show(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    names = (
        "id",
        "contract_id",
        "proposed_by",
        "watt_hours",
        "start",
        "end",
        "price_per_kwh",
        "why",
        "lapses_at",
        "status",
    )
    rows = [["" if each[name] is None else each[name] for name in names] for each in found]
    print_table("Proposals", _COLUMNS, rows)
