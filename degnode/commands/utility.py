"""`degnode utility`: the trades that a utility let pass, and what it says of them, at the running node."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

import typer

from degnode.commands.instants import read_instant
from degnode.commands.node_desk import HERE, NodeUrl, ask_node
from degnode.commands.reasons import Why
from degnode.printing import AsJson, print_table
from trading.delivery import CurtailmentReason
from trading.wheeling import Side

utility = typer.Typer(
    help="A utility's trades, and what it says of them, at the running node; DEGNODE_API_KEY holds the key.",
    no_args_is_help=True,
)

Order = Annotated[str, typer.Argument(metavar="ORDER", help="The order, as its platform names it.")]
Platform = Annotated[
    str | None,
    typer.Option(metavar="SUBSCRIBER", help="Whose order it is, where several have one of that name."),
]
_TRADES: Final = ("order", "platform", "state", "asked Wh", "counted Wh", "start", "end")
_SAID: Final = ("said at", "cut Wh", "reason", "since", "delivered Wh", "periods", "who", "why", "refused")
_COLUMNS: Final = ("start", "end", "allocated_wh", "consumed_wh", "produced_wh")


@utility.command()
def trades(
    *,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    as_json: AsJson = False,
    url: NodeUrl = HERE,
) -> None:
    """List the trades that were let pass, the newest first."""
    found = ask_node(url, "GET", f"/api/v1/trades?limit={limit}")["trades"]
    names = ("order_id", "platform", "state", "asked_wh", "counted_wh", "start", "end")
    _show("Trades", _TRADES, names, found, as_json=as_json)


@utility.command()
def curtail(  # noqa: PLR0913  one for each option
    order_id: Order,
    *,
    why: Why,
    reason: Annotated[CurtailmentReason, typer.Option(help="Why, in a word of the network's.")],
    watt_hours: Annotated[
        int | None,
        typer.Option("--wh", min=1, help="What is cut in all; all that is yet to flow if left out."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=read_instant, metavar="INSTANT", help="From when on; now if left out."),
    ] = None,
    platform: Platform = None,
    as_json: AsJson = False,
    url: NodeUrl = HERE,
) -> None:
    """Cut a trade from an instant on; its seller's platform is told at once, and the load is free again."""
    form: dict[str, Any] = {"why": why, "reason": reason.value, "watt_hours": watt_hours}
    form |= {} if since is None else {"since": since.isoformat()}
    said = ask_node(url, "POST", _path(order_id, "curtailments", platform), form=form)
    _show_said([said], as_json=as_json)


@utility.command()
def allocate(
    order_id: Order,
    *,
    why: Why,
    watt_hours: Annotated[
        int | None, typer.Option("--wh", min=0, help="What was delivered of it in all so far.")
    ] = None,
    periods: Annotated[
        Path | None,
        typer.Option(
            "--file",
            exists=True,
            dir_okay=False,
            help="A CSV of periods: start, end, allocated_wh; consumed_wh, produced_wh, if they are known.",
        ),
    ] = None,
    platform: Platform = None,
    as_json: AsJson = False,
    url: NodeUrl = HERE,
) -> None:
    """Tell a trade's platform what the utility's meters say was delivered of it."""
    form = {"why": why, "delivered_wh": watt_hours, "periods": [] if periods is None else _read(periods)}
    said = ask_node(url, "POST", _path(order_id, "allocations", platform), form=form)
    _show_said([said], as_json=as_json)


@utility.command()
def apportion(  # noqa: PLR0913  one for each option
    meter: Annotated[str, typer.Argument(metavar="METER", help="The mRID of a customer's meter.")],
    *,
    why: Why,
    side: Annotated[Side, typer.Option(help="What it gave (SELLER) or took (BUYER).")],
    watt_hours: Annotated[int, typer.Option("--wh", min=0, help="What it counted in the period.")],
    start: Annotated[datetime, typer.Option("--from", parser=read_instant, metavar="INSTANT")],
    end: Annotated[datetime, typer.Option("--to", parser=read_instant, metavar="INSTANT")],
    as_json: AsJson = False,
    url: NodeUrl = HERE,
) -> None:
    """Share what a meter counted among its trades, pro rata where it is less, and tell their platforms."""
    form = {"why": why, "side": side.value, "counted_wh": watt_hours}
    form |= {"start": start.isoformat(), "end": end.isoformat()}
    path = f"/api/v1/customers/{quote(meter, safe='')}/allocations"
    _show_said(ask_node(url, "POST", path, form=form)["statements"], as_json=as_json)


@utility.command()
def said(order_id: Order, *, platform: Platform = None, as_json: AsJson = False, url: NodeUrl = HERE) -> None:
    """List what was said of a trade, and what its platform does not take."""
    found = ask_node(url, "GET", _path(order_id, "statements", platform))["statements"]
    _show_said(found, as_json=as_json)


def _read(file: Path) -> list[dict[str, Any]]:
    """Return the periods of a CSV file. Raises: typer.BadParameter."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines, restval="", strict=True))
        return [
            {"start": _instant(row["start"]), "end": _instant(row["end"])}
            | {name: int(row[name]) for name in _COLUMNS[2:] if row.get(name)}
            for row in rows
        ]
    except (KeyError, ValueError, csv.Error) as error:
        raise typer.BadParameter(
            f"{file}: {error}: its first line is {','.join(_COLUMNS)}", param_hint="--file"
        ) from error


def _instant(text: str) -> str:
    return read_instant(text).isoformat()


def _path(order_id: str, what: str, platform: str | None) -> str:
    query = "" if platform is None else f"?{urlencode({'platform': platform})}"
    return f"/api/v1/trades/{quote(order_id, safe='')}/{what}{query}"


def _show_said(found: list[dict[str, Any]], *, as_json: bool) -> None:
    names = ("said_at", "cut_wh", "reason", "since", "delivered_wh", "periods", "who", "why", "refusal")
    _show("Said", _SAID, names, found, as_json=as_json)


def _show(
    title: str,
    columns: tuple[str, ...],
    names: tuple[str, ...],
    found: list[dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    print_table(
        title, columns, [["" if each[name] is None else each[name] for name in names] for each in found]
    )
