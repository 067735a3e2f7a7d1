"""`degnode network`: how this participant stands in its network, and what it tells the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from degnode.commands.lengths import read_length
from degnode.commands.node_database import DEFAULT_DATA_DIR, DatabaseUrl, DataDir
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


@network.command()
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    role: RoleOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the subscription, the keys and their windows, and the registry.

    The status is 0 if peers find this participant now, else 1.
    """
    from degnode.join.status import show_status

    if not _run(show_status, data_dir, role, database_url, as_json=as_json):
        raise typer.Exit(1)


@network.command()
def renew(
    *,
    wait: Annotated[
        timedelta | None, typer.Option(parser=read_length, help="How long to wait for the registry.")
    ] = None,
    role: RoleOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Tell the registry of the keys and the address as they are now, and wait until it has them.

    A node that runs and has joined does it by itself; this is for all other cases, and for seeing it.
    """
    from degnode.join.changes import renew as renew_here

    if not _run(renew_here, data_dir, role, database_url, wait=_WAIT if wait is None else wait):
        raise typer.Exit(1)


@network.command()
def leave(
    *,
    why: Annotated[str, typer.Option(help="The reason, for the record.")] = "left the network",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    role: RoleOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Leave the network: no peer believes this participant from then on. Its keys and data stay."""
    from degnode.join.changes import leave as leave_here

    if not yes:
        typer.confirm("Trades under way cannot go on then. Leave the network?", abort=True)
    if not _run(leave_here, data_dir, role, database_url, why=why):
        raise typer.Exit(1)


@network.command()
def distrust(  # noqa: PLR0913  one for each option
    subscriber: Annotated[str | None, typer.Argument(help="Whose key.")] = None,
    key_id: Annotated[str | None, typer.Argument(help="Its name in the registry.")] = None,
    *,
    why: Annotated[str | None, typer.Option(help="The reason, for the record.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Believe the registry about the key again.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the keys that are distrusted.")] = False,
    role: RoleOption = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Believe a peer's key no more, whatever the registry says: at once, on every process of this node."""
    from degnode.join.distrust import DistrustOrder, change_distrust, list_distrust

    if listed:
        asyncio.run(list_distrust(Console(highlight=False), _role(role), data_dir, database_url))
        return
    if subscriber is None or key_id is None:
        raise typer.BadParameter("name the subscriber and the key, or say --list")
    if why is None and not undo:
        raise typer.BadParameter("say why: it is kept with the key", param_hint="--why")
    order = DistrustOrder(subscriber_id=subscriber, key_id=key_id, why=why or "", undo=undo)
    asyncio.run(change_distrust(Console(highlight=False), order, _role(role), data_dir, database_url))


def _role(role: Role | None) -> str | None:
    return None if role is None else role.value


def _run(
    command: Callable[..., Coroutine[Any, Any, bool]],
    data_dir: Path,
    role: Role | None,
    database_url: str | None,
    **options: Any,  # noqa: ANN401  those of the command
) -> bool:
    """Run a command on the participant of `data_dir`; what it says stands on the screen."""
    from degnode.join.checklist import Checklist
    from degnode.join.membership import open_membership

    configure_logging(level="ERROR", log_format="console")

    async def run() -> bool:
        async with open_membership(
            data_dir, role=role, database_url=database_url, clock=SystemClock()
        ) as membership:
            return await command(membership, Checklist(Console(highlight=False)), **options)

    return asyncio.run(run())
