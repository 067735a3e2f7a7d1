"""`degnode audit`: the record of administrative acts."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from degnode.commands.access_desk import AsJson, Place, print_json, print_table
from degnode.commands.node_database import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, RoleName
from node.access_api import ActView, view_act
from node.audit import GREATEST_PAGE, list_acts


def audit(
    *,
    what: Annotated[
        str | None, typer.Option(help="Only these: like api_key.revoked, or api_key for all of that kind.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Only what was done to this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=GREATEST_PAGE, help="How many.")] = 50,
    as_json: AsJson = False,
    role: RoleName = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Show who did what to this node's keys, peers and settings, the newest first."""
    place = Place(role=role, data_dir=data_dir, database_url=database_url)
    views = asyncio.run(_find(place, what=what, target=target, limit=limit))
    if as_json:
        print_json(views)
        return
    print_table(
        "Administrative acts",
        ("number", "at", "who", "from", "what", "target", "before", "after", "why"),
        [
            (
                view.number,
                view.at,
                view.who,
                view.from_address,
                view.what,
                view.target,
                _state(view.before),
                _state(view.after),
                view.why,
            )
            for view in views
        ],
    )


async def _find(place: Place, *, what: str | None, target: str | None, limit: int) -> list[ActView]:
    async with place.desk() as desk:
        return [view_act(act) for act in await list_acts(desk.uow, what=what, target=target, limit=limit)]


def _state(state: dict[str, object] | None) -> str | None:
    return None if state is None else json.dumps(state, ensure_ascii=False)
