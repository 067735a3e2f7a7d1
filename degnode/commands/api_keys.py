"""`degnode api-keys`: the keys of apps, operators and meters: made, listed, revoked."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

import typer

from degnode.actor import operator
from degnode.commands.instants import read_instant
from degnode.commands.lengths import read_length
from degnode.commands.place import Place, at_a_place
from degnode.commands.reasons import Why
from degnode.printing import AsJson, print_json, print_table
from kernel.clock import SystemClock
from node.access_views import view_key
from node.api_key_store import ApiKeyWish, issue_api_key, list_api_keys, revoke_api_key
from node.scopes import MEANING, read_scopes

api_keys = typer.Typer(help="API keys of apps, operators and meters.", no_args_is_help=True)


@api_keys.command()
@at_a_place
def new(
    *,
    name: Annotated[str, typer.Option(help="Its holder's name; meters and requests go by it.")],
    scope: Annotated[
        list[str], typer.Option(help="What it may do, once for each; `degnode api-keys scopes` lists them.")
    ],
    expires: Annotated[
        datetime | None, typer.Option(parser=read_instant, help="When it ends; by default never.")
    ] = None,
    valid_for: Annotated[
        timedelta | None, typer.Option("--for", parser=read_length, help="How long it lasts, like 90d.")
    ] = None,
    same_holder: Annotated[
        bool, typer.Option("--same-holder", help="One more key for whoever has one of this name.")
    ] = False,
    place: Place,
) -> None:
    """Make an API key and print it, this once."""
    if expires is not None and valid_for is not None:
        raise typer.BadParameter("say either --expires or --for")
    end = SystemClock().now() + valid_for if valid_for is not None else expires
    wish = ApiKeyWish(name=name, scopes=read_scopes(scope), expires_at=end, same_holder=same_holder)
    asyncio.run(_new(place, wish))


@api_keys.command("list")
@at_a_place
def list_keys(
    *,
    as_json: AsJson = False,
    place: Place,
) -> None:
    """List every API key that was made, how it stands and when it was last used."""
    asyncio.run(_list(place, as_json=as_json))


@api_keys.command()
@at_a_place
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `api-keys list` shows it.")],
    *,
    why: Why,
    place: Place,
) -> None:
    """Let a key in no more, at once, whether the node runs or not."""
    asyncio.run(_revoke(place, key_id, why))


@api_keys.command()
def scopes() -> None:
    """List what an API key may be allowed to do."""
    print_table("Scopes", ("scope", "what it allows"), list(MEANING.items()))


async def _new(place: Place, wish: ApiKeyWish) -> None:
    async with place.desk() as desk:
        issued = await issue_api_key(desk.uow, wish, by=operator(), now=desk.now)
    print(issued.text)


async def _list(place: Place, *, as_json: bool) -> None:
    async with place.desk() as desk:
        views = [view_key(key, desk.now) for key in await list_api_keys(desk.uow)]
    if as_json:
        print_json(views)
        return
    print_table(
        "API keys",
        ("id", "name", "scopes", "state", "expires", "last used", "made by"),
        [
            (
                view.id,
                view.name,
                " ".join(view.scopes),
                f"revoked: {view.revoked_why}" if view.revoked_why else view.state,
                view.expires_at or "never",
                view.last_used_at,
                view.created_by,
            )
            for view in views
        ],
    )


async def _revoke(place: Place, key_id: str, why: str) -> None:
    async with place.desk() as desk:
        key = await revoke_api_key(desk.uow, key_id, by=operator(), why=why, now=desk.now)
    print(f"The key {key.id} of {key.name} is revoked.")
