"""`degnode ticket`: what buyers ask support about, and answering it, at the running node."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from degnode.commands.node_desk import HERE, NodeUrl, ask_node
from degnode.commands.reasons import need_words
from degnode.printing import AsJson, print_table

ticket = typer.Typer(
    help="What buyers ask support about, at the running node; DEGNODE_API_KEY holds the key.",
    no_args_is_help=True,
)

_PATH: Final = "/api/v1/tickets"
_COLUMNS: Final = ("id", "status", "platform", "about", "which", "opened at", "last answer")


@ticket.command("list")
def list_tickets(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that are closed, too.")] = False,
    as_json: AsJson = False,
    url: NodeUrl = HERE,
) -> None:
    """List tickets, the newest first."""
    found = ask_node(url, "GET", _PATH if every else f"{_PATH}?is_open=true")["tickets"]
    _show(found, as_json=as_json)


@ticket.command()
def answer(
    ticket_id: Annotated[str, typer.Argument(metavar="TICKET", help="The ticket's id.")],
    words: Annotated[str, typer.Argument(callback=need_words, help="What the buyer is told.")],
    *,
    close: Annotated[bool, typer.Option("--close", help="That is all: close it.")] = False,
    as_json: AsJson = False,
    url: NodeUrl = HERE,
) -> None:
    """Answer a ticket; who asks about it again by `support` is told."""
    form = {"words": words, "closes": close}
    found = ask_node(url, "POST", f"{_PATH}/{quote(ticket_id, safe='')}/answers", form=form)
    _show([found], as_json=as_json)


def _show(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    rows = [
        (
            *(each[name] for name in ("id", "status", "buyer_platform", "about", "target_id", "opened_at")),
            each["answers"][-1]["words"] if each["answers"] else "",
        )
        for each in found
    ]
    print_table("Tickets", _COLUMNS, rows)
