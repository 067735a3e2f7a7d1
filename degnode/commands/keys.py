"""`degnode keys`: the participant's own keys: made, listed, changed, revoked, shown to others."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from degnode.commands.instants import read_instant
from degnode.commands.key_desk import KeyPlace, Wish, key_desk
from degnode.commands.lengths import read_length
from degnode.commands.place import at_a_place
from degnode.commands.reasons import need_words
from degnode.key_views import all_as_json, as_registered, key_table
from degnode.printing import AsJson
from kernel.clock import format_instant
from keystore.key_file import make_key_file
from keystore.key_set import KeySet
from keystore.rotation import OVERLAP, KeySetNotFound
from protocol.keys import write_public_key

keys = typer.Typer(
    help="This participant's own keys: they sign its messages and open its registry's challenges.",
    no_args_is_help=True,
)

KeyName = Annotated[str | None, typer.Option("--key-id", help="Its name; by default the next number.")]
Begin = Annotated[
    datetime | None,
    typer.Option("--at", parser=read_instant, help="When it begins to count; by default now."),
]
End = Annotated[
    datetime | None, typer.Option("--until", parser=read_instant, help="When it ends; by default never.")
]


class Half(StrEnum):
    """One of the two keys of a set."""

    SIGNING = "signing"
    ENCRYPTION = "encryption"


@keys.command()
@at_a_place
def new(
    *,
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Make no key set, but a bare signing key in this file."),
    ] = None,
    key_id: KeyName = None,
    at: Begin = None,
    until: End = None,
    place: KeyPlace,
) -> None:
    """Make a key set beside those that are there, which go on as they do.

    With --out: make a signing key for tools, its secret into a file for you alone, its public key
    onto the screen. A file that is there already is left as it is, and the command ends with status 1.
    """
    if out is not None:
        print(write_public_key(make_key_file(out).public_key))
        return
    wish = Wish(key_id=key_id, valid_from=at, valid_until=until)
    asyncio.run(_new(place, wish))


@keys.command("list")
@at_a_place
def list_keys(
    *,
    as_json: AsJson = False,
    place: KeyPlace,
) -> None:
    """List the key sets, how they stand, and which of them signs."""
    asyncio.run(_list(place, as_json=as_json))


@keys.command()
@at_a_place
def rotate(
    *,
    overlap: Annotated[
        timedelta | None,
        typer.Option(parser=read_length, help="How long the old keys last beside the new; by default 24h."),
    ] = None,
    key_id: KeyName = None,
    at: Begin = None,
    place: KeyPlace,
) -> None:
    """Make a new key set, and let the old ones end after an overlap.

    A node that runs announces it to its registry by itself, and signs with it from then on.
    """
    asyncio.run(_rotate(place, Wish(key_id=key_id, valid_from=at), OVERLAP if overlap is None else overlap))


@keys.command()
@at_a_place
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key set that must count no more.")],
    *,
    why: Annotated[str, typer.Option(callback=need_words, help="The reason; it is kept with the key.")],
    replace: Annotated[
        bool, typer.Option(help="Make a new set at once if none without an end is left.")
    ] = True,
    place: KeyPlace,
) -> None:
    """Stop a key set at once, on every process of this node and for good."""
    asyncio.run(_revoke(place, key_id, why=why, replace=replace))


@keys.command("export-public")
@at_a_place
def export_public(
    key_id: Annotated[str | None, typer.Argument(help="The key set; by default all that can count.")] = None,
    *,
    only: Annotated[Half | None, typer.Option(help="Print but this key of one set, in base64.")] = None,
    der: Annotated[
        bool, typer.Option(help="Wrap the encryption key in DER, as some registries want.")
    ] = False,
    place: KeyPlace,
) -> None:
    """Print public keys as JSON, by the names that registries have for them."""
    asyncio.run(_export(place, key_id, only=only, der=der))


@keys.command()
@at_a_place
def reseal(
    *,
    place: KeyPlace,
) -> None:
    """Seal the private keys anew: after the key-encryption key was changed, or Vault took over.

    Give the old key-encryption key behind the new one in DEGNODE_KEY_ENCRYPTION_KEY, separated by a
    comma; beside Vault leave it where it is. It can go once this has ended well.
    """
    asyncio.run(_reseal(place))


async def _new(place: KeyPlace, wish: Wish) -> None:
    async with key_desk(place) as desk:
        made = await desk.add(wish)
    print(f"Made the key set {made.key_id} of {made.subscriber_id}.")
    _print_json(as_registered(made))


async def _list(place: KeyPlace, *, as_json: bool) -> None:
    async with key_desk(place) as desk:
        sets, now = await desk.sets(), desk.clock.now()
    if as_json:
        _print_json(all_as_json(sets, now=now))
    elif sets:
        Console().print(key_table(sets, now=now))
    else:
        print(f"{desk.subscriber_id} has no keys here yet; its first start makes them.")


async def _rotate(place: KeyPlace, wish: Wish, overlap: timedelta) -> None:
    async with key_desk(place) as desk:
        done = await desk.rotate(wish, overlap=overlap)
    print(f"Made the key set {done.new.key_id}, valid from {format_instant(done.new.valid_from)}.")
    if done.ended:
        print(f"Until {format_instant(done.old_end)} there is also: {', '.join(done.ended)}.")
    print(
        f"A running participant announces {done.new.key_id} to its registry by itself and then signs with "
        "it; `degnode keys list` shows when the registry knows it."
    )
    print(
        "A registry signs with it as soon as it is valid: whoever remembers the old key must be told the new."
    )


async def _revoke(place: KeyPlace, key_id: str, *, why: str, replace: bool) -> None:
    async with key_desk(place) as desk:
        done = await desk.revoke(key_id, why=why)
        print(f"Revoked {key_id}: it signs nothing from now on.")
        if done.still_valid:
            print(f"Still valid: {', '.join(done.still_valid)}.")
        if not done.lasts and replace:
            made = await desk.add(Wish())
            print(f"No key without an end was left, so there is a new one: {made.key_id}.")
        elif not done.still_valid:
            print("No valid key is left: this node cannot sign until `degnode keys new` makes one.")
    print("A running node tells its registry, which tells the peers; otherwise run `degnode network renew`.")


async def _export(place: KeyPlace, key_id: str | None, *, only: Half | None, der: bool) -> None:
    async with key_desk(place) as desk:
        sets, now = await desk.sets(), desk.clock.now()
    wanted = [each for each in sets if each.key_id == key_id] if key_id else _countable(sets, now)
    if not wanted:
        raise KeySetNotFound(
            f"{desk.subscriber_id} has no key set {key_id!r}" if key_id else "no key set can count any more",
            hint="`degnode keys list` shows what there is.",
        )
    records = [as_registered(each, der=der) for each in wanted]
    if only is None:
        _print_json(records[0] if key_id else records)
    else:
        print(records[-1]["signing_public_key" if only is Half.SIGNING else "encr_public_key"])


async def _reseal(place: KeyPlace) -> None:
    async with key_desk(place) as desk:
        resealed = await desk.reseal()
    for each in resealed:
        print(f"{each.key_id} is sealed by {each.sealed_by}.")


def _countable(sets: list[KeySet], now: datetime) -> list[KeySet]:
    return [each for each in sets if each.is_usable(now)]


def _print_json(content: Any) -> None:  # noqa: ANN401  whatever JSON holds
    print(json.dumps(content, indent=2))
