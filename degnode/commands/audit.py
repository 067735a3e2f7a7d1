"""`degnode audit`: the record of administrative acts."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from degnode.commands.place import Place, at_a_place
from degnode.printing import AsJson, print_json
from kernel.plain_text import one_line
from node.access_views import ActView, view_act
from node.audit import GREATEST_PAGE, list_acts


@at_a_place
def audit(
    *,
    what: Annotated[
        str | None, typer.Option(help="Only these: like api_key.revoked, or api_key for all of that kind.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Only what was done to this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=GREATEST_PAGE, help="How many.")] = 50,
    as_json: AsJson = False,
    place: Place,
) -> None:
    """Show who did what to this node's keys, peers and settings, the newest first."""
    views = asyncio.run(_find(place, what=what, target=target, limit=limit))
    if as_json:
        print_json(views)
        return
    console = Console(soft_wrap=True, highlight=False)
    if not views:
        console.print("Nothing is on record.")
    for view in views:
        console.print(_entry(view))


def _entry(view: ActView) -> Text:
    """Return an act as a line of what was done, and one for each thing that is known of it."""
    entry = Text.assemble((f"{view.number}  {view.what}", "bold"), f"  {view.target}")
    known = {
        "who": view.who if view.from_address is None else f"{view.who}, from {view.from_address}",
        "at": view.at,
        "why": view.why,
        "before": _state(view.before),
        "after": _state(view.after),
    }
    for name, text in known.items():
        if text is not None:
            entry.append(f"\n    {name:<8}").append(one_line(str(text)))
    return entry


async def _find(place: Place, *, what: str | None, target: str | None, limit: int) -> list[ActView]:
    async with place.desk() as desk:
        return [view_act(act) for act in await list_acts(desk.uow, what=what, target=target, limit=limit)]


def _state(state: dict[str, object] | None) -> str | None:
    return None if state is None else json.dumps(state, ensure_ascii=False)
