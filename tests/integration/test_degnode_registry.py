"""`degnode registry`: the operator looks, decides about what was seen, and reads what happened."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest

from degnode.commands.registry_desk import OperatorRefused
from kernel.errors import NodeError
from registry.policy import Approval
from registry_client.reach import DestinationRefused
from storage.database import Database
from tests.support import command_line
from tests.support.command_line import printed
from tests.support.registries import (
    LOOPBACK,
    TOKEN,
    Newcomer,
    SigningRegistry,
    running_signing_registry,
    status_of,
    step_of,
)
from tests.support.subscribers import BPP
from tests.support.waiting import eventually

TOKEN_VARIABLE = "DEGNODE_REGISTRY_TOKEN"


def leave_logging_alone(**_: str) -> None:
    """Do nothing: the command would set up logging for the tests' own process, and for good."""


@pytest.fixture
async def registry(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SigningRegistry]:
    policy = replace(LOOPBACK, approval=Approval.MANUAL)
    async with running_signing_registry(database, policy=policy) as running:
        monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
        monkeypatch.setenv("DEGNODE_REGISTRY_URL", running.url)
        monkeypatch.setenv("COLUMNS", "400")
        monkeypatch.setattr("degnode.commands.registry.configure_logging", leave_logging_alone)
        yield running


@pytest.fixture
async def bpp(registry: SigningRegistry) -> AsyncIterator[Newcomer]:
    """A seller that has proven itself, and waits for the operator."""
    async with Newcomer(subscriber_id=BPP) as newcomer:
        await newcomer.subscribe(registry)
        await eventually(lambda: step_of(registry, BPP), ["approval"])
        yield newcomer


invoke = partial(command_line.invoke, "registry")


async def run(*arguments: str, typed: str = "") -> str:
    """Return what a command prints that ends well."""
    return printed(await invoke(*arguments, typed=typed))


async def refusal(*arguments: str) -> NodeError:
    """Return why a command came to nothing."""
    result = await invoke(*arguments)
    assert isinstance(result.exception, NodeError), result.output
    return result.exception


async def test_the_operator_sees_who_asks_and_lets_in_what_was_seen(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    listed = await run("pending")
    assert all(words in listed for words in (BPP, "revision 1", f"url={bpp.url}", "type=BPP", "127.0.0.1"))
    told = await run("approve", BPP, "--why", "we met", typed="y\n")
    assert "type=BPP" in told
    assert told.endswith(f"{BPP} stands as SUBSCRIBED.")
    assert json.loads(await run("pending", "--json")) == []
    assert BPP in await run("list")
    (found,) = json.loads(await run("list", "--json", "--status", "SUBSCRIBED"))
    assert (found["subscriber_id"], found["url"]) == (BPP, bpp.url)
    history = await run("history", BPP)
    assert all(words in history for words in ("asked", "approved", "operator", "we met"))
    entries = json.loads(await run("history", "--json", "--limit", "2", "--after", "1"))
    assert [each["number"] for each in entries] == [2, 3]


async def test_who_does_not_say_yes_lets_nobody_in(registry: SigningRegistry, bpp: Newcomer) -> None:
    assert (await invoke("approve", BPP, "--why", "we met", typed="n\n")).exit_code == 1
    assert (await invoke("approve", BPP, "--why", "we met")).exit_code == 1  # nobody is there to say it
    assert await step_of(registry, BPP) == ["approval"]


async def test_what_has_changed_since_it_was_seen_is_not_let_in(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    (seen,) = json.loads(await run("pending", "--json"))
    await bpp.subscribe(registry, domain="retail")
    named = ("--request", seen["id"], "--revision", str(seen["revision"]))
    for decision in ("approve", "reject"):
        refused = await refusal(decision, BPP, *named, "--why", "we met")
        assert isinstance(refused, OperatorRefused)
        assert 'became "retail"' in refused.message
    later = ("--request", seen["id"], "--revision", "2")
    await run("approve", BPP, *later, "--why", "we met")
    await eventually(lambda: status_of(registry, BPP), "SUBSCRIBED")


async def test_who_is_turned_down_or_put_out_is_told_so(registry: SigningRegistry, bpp: Newcomer) -> None:
    assert "stands as" in await run("reject", BPP, "--why", "unknown to us")
    assert "unknown to us" in await run("pending")
    await run("approve", BPP, "--why", "known now", typed="y\n")
    await eventually(lambda: status_of(registry, BPP), "SUBSCRIBED")
    assert await run("revoke", BPP, "--key", "k1", "--why", "fraud") == f"{BPP} stands as UNSUBSCRIBED."
    assert "no such key" in (await refusal("revoke", BPP, "--why", "fraud")).message
    assert await run("approve", BPP, "--why", "settled") == f"{BPP} stands as UNSUBSCRIBED."
    assert "not barred" in (await refusal("approve", BPP, "--why", "settled")).message


async def test_where_several_ask_they_are_shown_and_none_is_taken(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    async with Newcomer(subscriber_id=BPP, key_id="k9") as other:
        await other.subscribe(registry)
        result = await invoke("approve", BPP, "--why", "we met", typed="y\n")
    assert result.exit_code == 2
    assert "key_id=k9" in result.output
    assert (await invoke("approve", BPP, "--why", "we met", "--revision", "1")).exit_code == 2


async def test_what_strangers_write_does_not_reach_the_terminal_as_it_is(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    await bpp.subscribe(registry, domain="[bold]a\x1b[2Jb")
    listed = await run("pending")
    assert "domain=[bold]a" in listed
    assert "\x1b[2J" not in listed


async def test_the_token_is_needed_and_does_not_go_anywhere_in_the_clear(
    registry: SigningRegistry, bpp: Newcomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(await refusal("pending", "--url", "http://registry.example.com"), DestinationRefused)
    monkeypatch.setenv(TOKEN_VARIABLE, "guessed")
    assert "not the token" in (await refusal("list")).message
    assert "Not Found" in (await refusal("list", "--url", f"{registry.url}/elsewhere")).message
    assert "no registry answers so: HTTP 404" in (await refusal("list", "--url", bpp.url)).message
    monkeypatch.delenv(TOKEN_VARIABLE)
    assert TOKEN_VARIABLE in (await refusal("history")).message
