"""Believing a peer's key no more, and again, from the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from degnode.actor import operator
from degnode.node_database import node_database
from degnode.printing import print_table
from kernel.clock import SystemClock, format_instant
from node.audit import record_act
from node.distrust import DistrustedKey, distrust_key, list_distrusted, trust_again
from storage.unit_of_work import UnitOfWorkFactory


@dataclass(frozen=True, slots=True, kw_only=True)
class DistrustOrder:
    """Which key, why, and whether it is taken back."""

    subscriber_id: str
    key_id: str
    why: str
    undo: bool


async def change_distrust(
    console: Console, order: DistrustOrder, role: str | None, data_dir: Path, database_url: str | None
) -> None:
    """Carry out `order` and say so. Raises: NotDistrusted, NodeError."""
    now, actor = SystemClock().now(), operator()
    name = f"{order.subscriber_id}|{order.key_id}"
    async with node_database(role, data_dir, database_url) as database, UnitOfWorkFactory(database)() as uow:
        if order.undo:
            earlier = await trust_again(uow, subscriber_id=order.subscriber_id, key_id=order.key_id)
            await record_act(uow, actor.act("peer_key.trusted", name, why=order.why or None), now=now)
            said = f"{name} counts again as the registry says; it was distrusted because: {earlier.why}"
        else:
            key = DistrustedKey(
                subscriber_id=order.subscriber_id, key_id=order.key_id, since=now, why=order.why, by=actor.who
            )
            if await distrust_key(uow, key):
                await record_act(uow, actor.act("peer_key.distrusted", name, why=order.why), now=now)
                said = f"{name} is believed no more, from now on and on every process of this node."
            else:
                said = f"{name} was distrusted already; `degnode network distrust --list` says why."
    console.print(said, soft_wrap=True, markup=False)


async def list_distrust(console: Console, role: str | None, data_dir: Path, database_url: str | None) -> None:
    """Print the keys that are distrusted."""
    async with node_database(role, data_dir, database_url) as database, UnitOfWorkFactory(database)() as uow:
        found = await list_distrusted(uow)
    if not found:
        console.print("No key is distrusted.")
        return
    print_table(
        "Keys that are believed no more",
        ("subscriber", "key", "since", "by", "why"),
        [(each.subscriber_id, each.key_id, format_instant(each.since), each.by, each.why) for each in found],
        console=console,
    )
