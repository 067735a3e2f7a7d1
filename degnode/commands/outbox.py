"""`degnode outbox`: messages that could not be delivered, and sending them again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from degnode.actor import operator
from degnode.commands.place import Place, at_a_place
from degnode.printing import print_table
from kernel.clock import format_instant
from node.audit import record_act
from node.correspondence import renew

outbox = typer.Typer(help="Messages that could not be delivered.", no_args_is_help=True)


@outbox.command("list")
@at_a_place
def list_given_up(*, place: Place) -> None:
    """List what was given up: dead letters, which nobody answered in time, and refused messages."""
    asyncio.run(_list(place))


@outbox.command()
@at_a_place
def replay(
    ids: Annotated[list[int], typer.Argument(help="The numbers that `outbox list` shows.")],
    *,
    hours: Annotated[int, typer.Option(min=1, help="How long to try again.")] = 24,
    place: Place,
) -> None:
    """Send dead or refused messages again, with a new timestamp and time to live."""
    asyncio.run(_replay(place, ids, timedelta(hours=hours)))


async def _list(place: Place) -> None:
    async with place.desk() as desk:
        given_up = await desk.uow.outbox.list_given_up()
    if not given_up:
        print("Every message was delivered or is under way.")
        return
    print_table(
        "Messages given up",
        ("id", "state", "action", "peer", "transaction", "created", "tries", "last error"),
        [
            (
                letter["id"],
                letter["state"],
                letter["action"],
                letter["peer"],
                letter["transaction_id"],
                format_instant(letter["created_at"]),
                letter["attempts"],
                letter["last_error"],
            )
            for letter in given_up
        ],
    )


async def _replay(place: Place, ids: list[int], ttl: timedelta) -> None:
    count = 0
    async with place.desk() as desk:
        for message in await desk.uow.outbox.find_given_up(ids):
            renewed = renew(message, now=desk.now, ttl=ttl)
            if await desk.uow.outbox.replay(renewed, now=desk.now):
                count += 1
                target = f"{renewed.action} {renewed.message_id} to {renewed.peer}"
                await record_act(desk.uow, operator().act("message.replayed", target), now=desk.now)
    print(f"{count} of {len(ids)} will be sent again.")
