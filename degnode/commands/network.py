"""`degnode network`: how this participant stands in its network, and what it tells the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from degnode.commands.lengths import read_length
from degnode.commands.place import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, at_a_place
from degnode.commands.reasons import Why, need_words
from degnode.printing import AsJson
from kernel.clock import SystemClock
from node.telemetry import configure_logging
from protocol.actions import Role

network = typer.Typer(
    help="How this participant stands in its network, and what it tells the registry.", no_args_is_help=True
)

_WAIT: Final = timedelta(seconds=60)

RoleOption = Annotated[
    Role | None, typer.Option("--role", help="What it is, if `degnode join` did not write it down.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPlace:
    """Which participant is meant; one that has joined knows its role."""

    role: RoleOption = None
    data_dir: DataDir = DEFAULT_DATA_DIR
    database_url: DatabaseUrl = None


@network.command()
@at_a_place
def status(
    *,
    as_json: AsJson = False,
    place: MemberPlace,
) -> None:
    """Show the subscription, the keys and their windows, and the registry.

    The status is 0 if peers find this participant now, else 1.
    """
    from degnode.join.status import show_status

    if not _run(show_status, place, as_json=as_json):
        raise typer.Exit(1)


@network.command()
@at_a_place
def renew(
    *,
    wait: Annotated[
        timedelta | None, typer.Option(parser=read_length, help="How long to wait for the registry.")
    ] = None,
    place: MemberPlace,
) -> None:
    """Tell the registry of the keys and the address as they are now, and wait until it has them.

    A node that runs and has joined does it by itself; this is for all other cases, and for seeing it.
    """
    from degnode.join.changes import renew as renew_here

    if not _run(renew_here, place, wait=_WAIT if wait is None else wait):
        raise typer.Exit(1)


@network.command()
@at_a_place
def leave(
    *,
    why: Why = "left the network",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    place: MemberPlace,
) -> None:
    """Leave the network: no peer believes this participant from then on. Its keys and data stay."""
    from degnode.join.changes import leave as leave_here

    if not yes:
        typer.confirm("Trades under way cannot go on then. Leave the network?", abort=True)
    if not _run(leave_here, place, why=why):
        raise typer.Exit(1)


@network.command()
@at_a_place
def distrust(
    subscriber: Annotated[str | None, typer.Argument(help="Whose key.")] = None,
    key_id: Annotated[str | None, typer.Argument(help="Its name in the registry.")] = None,
    *,
    why: Annotated[str | None, typer.Option(callback=need_words, help="The reason, for the record.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Believe the registry about the key again.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the keys that are distrusted.")] = False,
    place: MemberPlace,
) -> None:
    """Believe a peer's key no more, whatever the registry says: at once, on every process of this node."""
    from degnode.join.distrust import DistrustOrder, change_distrust, list_distrust

    role = None if place.role is None else place.role.value
    screen, where = Console(highlight=False), (role, place.data_dir, place.database_url)
    if listed:
        asyncio.run(list_distrust(screen, *where))
        return
    if subscriber is None or key_id is None:
        raise typer.BadParameter("name the subscriber and the key, or say --list")
    if why is None and not undo:
        raise typer.BadParameter("say why: it is kept with the key", param_hint="--why")
    order = DistrustOrder(subscriber_id=subscriber, key_id=key_id, why=why or "", undo=undo)
    asyncio.run(change_distrust(screen, order, *where))


def _run(
    command: Callable[..., Coroutine[Any, Any, bool]],
    place: MemberPlace,
    **options: Any,  # noqa: ANN401  those of the command
) -> bool:
    """Run a command on the participant of `place`; what it says stands on the screen."""
    from degnode.join.checklist import Checklist
    from degnode.join.membership import open_membership

    configure_logging(level="ERROR", log_format="console")

    async def run() -> bool:
        async with open_membership(
            place.data_dir, role=place.role, database_url=place.database_url, clock=SystemClock()
        ) as membership:
            return await command(membership, Checklist(Console(highlight=False)), **options)

    return asyncio.run(run())
