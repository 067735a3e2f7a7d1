"""`degnode registry`: what the operator of a registry sees and decides, at the registry itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from degnode.commands.reasons import need_words
from degnode.commands.registry_desk import RegistryDesk
from degnode.printing import AsJson, print_table
from node.telemetry import configure_logging
from registry_client.subscriber import SubscriberStatus

registry = typer.Typer(
    help="What a registry's operator sees and decides; DEGNODE_REGISTRY_TOKEN holds the token.",
    no_args_is_help=True,
)

_HERE: Final = "http://127.0.0.1:8080"
_SUBSCRIPTION: Final = {
    "subscriber": "subscriber_id",
    "role": "type",
    "domain": "domain",
    "url": "url",
    "key": "key_id",
    "status": "status",
    "until": "valid_until",
}
_HISTORY: Final = {
    "number": "number",
    "at": "at",
    "subscriber": "subscriber_id",
    "key": "key_id",
    "what": "action",
    "who": "who",
    "from": "from",
    "why": "why",
}

Url = Annotated[
    str, typer.Option(envvar="DEGNODE_REGISTRY_URL", show_envvar=True, help="The registry's URL.")
]
Subscriber = Annotated[str, typer.Argument(help="Its name in the registry.")]
KeyName = Annotated[str | None, typer.Option("--key", help="Only about this key of it.")]
RequestId = Annotated[UUID | None, typer.Option("--request", help="Which request, as `pending` shows it.")]
Revision = Annotated[int | None, typer.Option(min=1, help="Which revision of it you have looked at.")]
Why = Annotated[str, typer.Option(callback=need_words, help="The reason, for the history.")]


@registry.command()
def pending(*, as_json: AsJson = False, url: Url = _HERE) -> None:
    """List who asks to come in or for a change, and what comes next with each."""
    asyncio.run(_pending(url, as_json=as_json))


@registry.command("list")
def list_subscriptions(
    *,
    status: Annotated[SubscriberStatus | None, typer.Option(help="Only what stands so.")] = None,
    as_json: AsJson = False,
    url: Url = _HERE,
) -> None:
    """List what stands in the registry, each key for itself."""
    asyncio.run(_list(url, status, as_json=as_json))


@registry.command()
def approve(
    subscriber: Subscriber,
    *,
    why: Why,
    request: RequestId = None,
    revision: Revision = None,
    url: Url = _HERE,
) -> None:
    """Let in who has asked, at once or as soon as it is proven; or lift the bar on one that was put out.

    What is asked for is shown first, unless --request and --revision say what you have looked at.
    """
    if (request is None) != (revision is None):
        raise typer.BadParameter("say both --request and --revision, or neither of them")
    asyncio.run(_approve(url, subscriber, _form(why, request=request, revision=revision)))


@registry.command()
def reject(
    subscriber: Subscriber,
    *,
    why: Why,
    request: RequestId = None,
    revision: Revision = None,
    url: Url = _HERE,
) -> None:
    """Turn down who has asked; should it ask again, you are asked, too."""
    asyncio.run(_decide(url, "reject", subscriber, _form(why, request=request, revision=revision)))


@registry.command()
def revoke(subscriber: Subscriber, *, why: Why, key: KeyName = None, url: Url = _HERE) -> None:
    """Put a subscriber out, or one key of it, at once; it comes back only if you approve."""
    asyncio.run(_decide(url, "revoke", subscriber, {"reason": why, "key_id": key}))


@registry.command()
def history(
    subscriber: Annotated[str | None, typer.Argument(help="Only what happened to this one.")] = None,
    *,
    after: Annotated[int, typer.Option(min=0, help="Only what comes behind this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many.")] = 100,
    as_json: AsJson = False,
    url: Url = _HERE,
) -> None:
    """Show who changed what, from where, when and why, the oldest first."""
    asyncio.run(_history(url, subscriber, after=after, limit=limit, as_json=as_json))


def _form(why: str, *, request: UUID | None, revision: int | None) -> dict[str, Any]:
    return {"reason": why, "request_id": request and str(request), "revision": revision}


async def _pending(url: str, *, as_json: bool) -> None:
    async with _desk(url) as desk:
        asked = (await desk.subscriptions())["requests"]
    if as_json:
        _print_json(asked)
        return
    _print_requests(asked)


async def _list(url: str, status: SubscriberStatus | None, *, as_json: bool) -> None:
    async with _desk(url) as desk:
        found = (await desk.subscriptions(status))["subscriptions"]
    _print(found, "Subscriptions", _SUBSCRIPTION, as_json=as_json)


async def _history(url: str, subscriber: str | None, *, after: int, limit: int, as_json: bool) -> None:
    async with _desk(url) as desk:
        entries = await desk.history(subscriber, after=after, limit=limit)
    _print(entries, "History", _HISTORY, as_json=as_json)


async def _approve(url: str, subscriber: str, form: dict[str, Any]) -> None:
    if form["request_id"] is None:
        async with _desk(url) as desk:
            asked = (await desk.subscriptions())["requests"]
        form |= _look_at([each for each in asked if each["subscriber_id"] == subscriber])
    await _decide(url, "approve", subscriber, form)


def _look_at(asked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Show what is asked for, and return which request it was and in which revision."""
    if not asked:
        return {}  # a bar may be lifted: the registry knows
    _print_requests(asked)
    if len(asked) > 1:
        raise typer.BadParameter("several ask for this name: say which by --request and --revision")
    typer.confirm("Approve this?", abort=True)
    return {"request_id": asked[0]["id"], "revision": asked[0]["revision"]}


async def _decide(url: str, what: str, subscriber: str, form: dict[str, Any]) -> None:
    async with _desk(url) as desk:
        status = await desk.decide(what, subscriber, form)
    print(f"{subscriber} stands as {status}.")


def _desk(url: str) -> RegistryDesk:
    configure_logging(level="ERROR", log_format="console")  # the screen tells the rest in its own way
    return RegistryDesk.of(url)


def _print_requests(asked: Sequence[dict[str, Any]]) -> None:
    """Print what is asked for: every field, for it is what the operator decides about."""
    print_table(
        "Who asks",
        ("subscriber", "request", "asks for", "stands", "from", "since"),
        [
            (
                each["subscriber_id"],
                f"{each['id']} revision {each['revision']}",
                " ".join(f"{name}={value}" for name, value in _wanted(each).items()),
                f"{each['status']}, next: {each['step']}"
                + (", needs approval" if each["needs_approval"] else "")
                + (f": {each['reason']}" if each.get("reason") else ""),
                each.get("asked_from"),
                each["since"],
            )
            for each in asked
        ],
    )


def _wanted(request: dict[str, Any]) -> dict[str, Any]:
    names = (
        *("type", "domain", "url", "location", "key_id"),
        *("signing_public_key", "encr_public_key", "valid_from", "valid_until"),
    )
    return {name: value for name in names if (value := request["wanted"].get(name)) is not None}


def _print(entries: Sequence[dict[str, Any]], title: str, columns: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        _print_json(entries)
        return
    print_table(title, list(columns), [[each.get(name) for name in columns.values()] for each in entries])


def _print_json(content: Any) -> None:  # noqa: ANN401  whatever JSON holds
    print(json.dumps(content, ensure_ascii=False, indent=2))
