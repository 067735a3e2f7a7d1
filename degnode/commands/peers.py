"""`degnode peers`: which peers may trade with this node."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from degnode.actor import operator
from degnode.commands.place import Place, at_a_place
from degnode.commands.reasons import Why
from degnode.printing import AsJson, print_json, print_table
from node.access_views import view_rule
from node.peer_rule_store import PeerRuleWish, list_peer_rules, make_peer_rule, remove_peer_rule
from node.peer_rules import Effect, RuleField

peers = typer.Typer(help="Which peers may trade with this node.", no_args_is_help=True)

Pattern = Annotated[
    str,
    typer.Argument(help="A whole name, its end like '*.example.com', or its beginning like 'beckn.one:*'."),
]
What = Annotated[RuleField, typer.Option("--by", help="What the pattern is of.")]


@peers.command()
@at_a_place
def allow(
    pattern: Pattern,
    *,
    by: What = RuleField.SUBSCRIBER,
    rate: Annotated[float | None, typer.Option(help="Messages a second that it may send.")] = None,
    why: Why,
    place: Place,
) -> None:
    """Let peers trade with this node, at once, whether it runs or not."""
    wish = PeerRuleWish(effect=Effect.ALLOW, field=by, pattern=pattern, rate=rate, why=why)
    asyncio.run(_make(place, wish))


@peers.command()
@at_a_place
def refuse(
    pattern: Pattern,
    *,
    by: What = RuleField.SUBSCRIBER,
    why: Why,
    place: Place,
) -> None:
    """Take nothing from peers and, where they are named by their ids, send them nothing; at once."""
    wish = PeerRuleWish(effect=Effect.REFUSE, field=by, pattern=pattern, why=why)
    asyncio.run(_make(place, wish))


@peers.command()
@at_a_place
def rules(
    *,
    as_json: AsJson = False,
    place: Place,
) -> None:
    """List the rules; for peers that none is about, DEGNODE_PEER_DEFAULT decides."""
    asyncio.run(_list(place, as_json=as_json))


@peers.command()
@at_a_place
def forget(
    rule_id: Annotated[int, typer.Argument(metavar="ID", help="As `peers rules` shows it.")],
    *,
    why: Why,
    place: Place,
) -> None:
    """Remove a rule, at once."""
    asyncio.run(_forget(place, rule_id, why))


async def _make(place: Place, wish: PeerRuleWish) -> None:
    async with place.desk() as desk:
        rule = await make_peer_rule(desk.uow, wish, by=operator(), now=desk.now)
    did = "allowed" if rule.effect is Effect.ALLOW else "refused"
    print(f"Rule {rule.id}: the {rule.field} {rule.pattern} is {did}.")


async def _list(place: Place, *, as_json: bool) -> None:
    async with place.desk() as desk:
        views = [view_rule(rule) for rule in await list_peer_rules(desk.uow)]
    if as_json:
        print_json(views)
        return
    print_table(
        "Peer rules",
        ("id", "effect", "of", "pattern", "messages a second", "why", "made by", "made at"),
        [
            (
                view.id,
                view.effect.value,
                view.field.value,
                view.pattern,
                view.rate,
                view.why,
                view.made_by,
                view.made_at,
            )
            for view in views
        ],
    )


async def _forget(place: Place, rule_id: int, why: str) -> None:
    async with place.desk() as desk:
        rule = await remove_peer_rule(desk.uow, rule_id, by=operator(), why=why, now=desk.now)
    print(f"Nothing is said any more of the {rule.field} {rule.pattern}.")
