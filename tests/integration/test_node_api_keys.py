"""API keys in a real database: what they let in, how they end, and what guessing comes to."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI, Request
from sqlalchemy import select, text

from kernel.clock import ManualClock
from node.access_tables import api_keys
from node.api_key_store import (
    API_KEYS_CHANNEL,
    ApiKeyEnded,
    ApiKeyNameTaken,
    ApiKeyNotFound,
    ApiKeyUseless,
    ApiKeyWish,
    IssuedApiKey,
    ScopeNotYours,
    find_api_key,
    issue_api_key,
    issue_first_api_key,
    list_api_keys,
    new_api_key,
    revoke_api_key,
)
from node.api_keys import FRESH_FOR, ApiKeyRefused, ApiKeys
from node.audit import Actor, list_acts
from node.callers import authenticator
from node.guessing import TRIES, TriesExceeded
from node.scopes import Scope, ScopeMissing
from node.telemetry import Metrics
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener
from tests.support.outgoing import NOW
from tests.support.waiting import eventually

OPERATOR = Actor(who="op@host", from_address="192.0.2.7")
HERE, THERE = "203.0.113.9", "198.51.100.1"
BUY = frozenset({Scope.BUY})


async def issue(
    uow_factory: UnitOfWorkFactory,
    name: str = "the app",
    *,
    limits: frozenset[Scope] | None = None,
    **wish: Any,
) -> IssuedApiKey:
    wanted = ApiKeyWish(name=name, **({"scopes": BUY} | wish))
    async with uow_factory() as uow:
        return await issue_api_key(uow, wanted, by=OPERATOR, now=NOW, limits=limits)


async def revoke(uow_factory: UnitOfWorkFactory, key_id: str, **limits: Any) -> None:
    async with uow_factory() as uow:
        await revoke_api_key(uow, key_id, by=OPERATOR, why="it leaked", now=NOW, **limits)


def door(uow_factory: UnitOfWorkFactory, **more: Any) -> ApiKeys:
    return ApiKeys(uow_factory, **({"configured": None, "clock": ManualClock(NOW)} | more))


def request(keys: ApiKeys, **headers: str) -> Request:
    app = FastAPI()
    app.state.api_keys = keys
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "app": app, "headers": raw, "client": (HERE, 1)})


async def guess(keys: ApiKeys, tries: int, *, address: str = HERE) -> list[type[Exception]]:
    """Show so many wrong keys; return how each was refused."""
    refusals: list[type[Exception]] = []
    for _ in range(tries):
        with pytest.raises((ApiKeyRefused, TriesExceeded)) as caught:
            await keys.holder_of(new_api_key(), address=address)
        refusals.append(caught.type)
    return refusals


async def test_a_key_lets_its_holder_in_and_only_its_digest_is_kept(uow_factory: UnitOfWorkFactory) -> None:
    issued = await issue(uow_factory)
    assert issued.text.split("_")[:2] == ["dgn", issued.key.id]
    assert issued.text not in repr(issued)
    async with uow_factory() as uow:
        (row,) = await uow.connection.execute(select(api_keys))
    assert (row.name, row.scopes, row.created_at, row.created_by) == ("the app", ["buy"], NOW, "op@host")
    assert len(row.digest) == 32
    assert issued.text.encode() not in row.digest
    keys = door(uow_factory)
    assert [(await keys.holder_of(issued.text)).name for _ in range(2)] == ["the app", "the app"]


async def test_the_first_key_is_made_once_however_many_start(uow_factory: UnitOfWorkFactory) -> None:
    async def start() -> IssuedApiKey | None:
        async with uow_factory() as uow:
            return await issue_first_api_key(uow, now=NOW)

    (first,) = [made for made in await asyncio.gather(*(start() for _ in range(4))) if made is not None]
    assert (await door(uow_factory).holder_of(first.text)).scopes == {Scope.ADMIN}


@pytest.mark.parametrize("key", [None, "", "dgn_wrong", "ключ", "\ud800", "dgn_0123456789_\x00"])
async def test_nobody_else_comes_in(uow_factory: UnitOfWorkFactory, key: str | None) -> None:
    await issue(uow_factory)
    with pytest.raises(ApiKeyRefused) as refusal:
        await door(uow_factory, configured="other").holder_of(key)
    assert refusal.value.hint


async def test_nobody_learns_whether_the_id_or_the_secret_was_wrong(uow_factory: UnitOfWorkFactory) -> None:
    issued = await issue(uow_factory)
    said = set()
    for wrong in (f"dgn_{issued.key.id}_guessed", new_api_key(), issued.text[:-1], issued.text + "x"):
        with pytest.raises(ApiKeyRefused) as refusal:
            await door(uow_factory).holder_of(wrong)
        said.add(str(refusal.value))
    assert len(said) == 1


async def test_the_configured_key_needs_no_row_and_may_do_everything(uow_factory: UnitOfWorkFactory) -> None:
    keys = door(uow_factory, configured="mine")
    assert "mine" not in repr(keys)
    holder = await keys.holder_of("mine")
    assert (holder.name, holder.scopes) == ("configured", frozenset({Scope.ADMIN}))


async def test_a_raw_request_shows_its_key_in_either_header(uow_factory: UnitOfWorkFactory) -> None:
    keys, authenticate = door(uow_factory, configured="mine"), authenticator(Scope.METERS_WRITE)
    assert await authenticate(request(keys, x_api_key="mine")) == "configured"
    assert await authenticate(request(keys, authorization="bearer mine")) == "configured"
    for headers in ({}, {"authorization": "Basic mine"}, {"authorization": "Bearer"}):
        with pytest.raises(ApiKeyRefused):
            await authenticate(request(keys, **headers))


async def test_a_key_for_something_else_is_refused_and_counted(uow_factory: UnitOfWorkFactory) -> None:
    issued, metrics = await issue(uow_factory), Metrics()
    keys = door(uow_factory, metrics=metrics)
    assert await authenticator(Scope.CONTRACTS_READ)(request(keys, x_api_key=issued.text)) == "the app"
    with pytest.raises(ScopeMissing):
        await authenticator(Scope.METERS_WRITE)(request(keys, x_api_key=issued.text))
    assert metrics.registry.get_sample_value("degnode_api_key_refusals_total", {"reason": "scope"}) == 1


async def test_a_key_ends_at_its_hour_also_where_it_is_known(uow_factory: UnitOfWorkFactory) -> None:
    clock = ManualClock(NOW)
    issued = await issue(uow_factory, expires_at=NOW + timedelta(seconds=5))
    keys = door(uow_factory, clock=clock)
    await keys.holder_of(issued.text)
    clock.advance(timedelta(seconds=5))
    for door_ in (keys, door(uow_factory, clock=clock)):
        with pytest.raises(ApiKeyRefused) as refusal:
            await door_.holder_of(issued.text)
        assert "expired" in refusal.value.message


async def test_a_revoked_key_stops_at_once_on_every_process(
    database: Database, uow_factory: UnitOfWorkFactory
) -> None:
    issued, other = await issue(uow_factory), await issue(uow_factory, "another")
    processes = [door(uow_factory) for _ in range(3)]
    listeners = [Listener(database) for _ in processes]
    for process, listener in zip(processes, listeners, strict=True):
        await process.holder_of(issued.text)
        await process.holder_of(other.text)
        listener.on(API_KEYS_CHANNEL, process.forget)
        await listener.start()

    async def is_refused(process: ApiKeys) -> bool:
        try:
            await process.holder_of(issued.text)
        except ApiKeyRefused as refusal:
            return "revoked" in refusal.message
        return False

    try:
        await revoke(uow_factory, issued.key.id)
        for process in processes:  # whose clocks stand still: nothing else would make them look
            await eventually(partial(is_refused, process), True)
            assert (await process.holder_of(other.text)).name == "another"
    finally:
        for listener in listeners:
            await listener.stop()


async def test_a_missed_announcement_is_made_good_soon(uow_factory: UnitOfWorkFactory) -> None:
    clock = ManualClock(NOW)
    issued, keys = await issue(uow_factory), door(uow_factory, clock=clock)
    await keys.holder_of(issued.text)
    await revoke(uow_factory, issued.key.id)
    clock.advance(FRESH_FOR)
    with pytest.raises(ApiKeyRefused):
        await keys.holder_of(issued.text)


async def test_a_look_up_that_an_announcement_overtook_is_not_relied_on(
    uow_factory: UnitOfWorkFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, keys, find = await issue(uow_factory), door(uow_factory), find_api_key

    async def overtaken(*arguments: Any) -> Any:
        found = await find(*arguments)
        keys.forget()
        return found

    monkeypatch.setattr("node.api_keys.find_api_key", overtaken)
    await keys.holder_of(issued.text)
    monkeypatch.setattr("node.api_keys.find_api_key", find)
    await revoke(uow_factory, issued.key.id)
    with pytest.raises(ApiKeyRefused):
        await keys.holder_of(issued.text)


async def test_it_is_kept_when_a_key_was_last_used(uow_factory: UnitOfWorkFactory) -> None:
    clock = ManualClock(NOW)
    issued, keys = await issue(uow_factory), door(uow_factory, clock=clock)

    async def last_used() -> Any:
        async with uow_factory() as uow:
            return (await list_api_keys(uow))[0].last_used_at

    assert await last_used() is None
    await keys.holder_of(issued.text)
    clock.advance(FRESH_FOR / 2)
    await keys.holder_of(issued.text)
    assert await last_used() == NOW
    clock.advance(FRESH_FOR)
    await keys.holder_of(issued.text)
    assert await last_used() == clock.now()


async def test_guessing_is_refused_after_a_few_tries_from_that_address_alone(
    uow_factory: UnitOfWorkFactory,
) -> None:
    issued, known = await issue(uow_factory), await issue(uow_factory, "known")
    clock, metrics = ManualClock(NOW), Metrics()
    keys = door(uow_factory, clock=clock, metrics=metrics)
    await keys.holder_of(known.text, address=HERE)
    assert await guess(keys, TRIES + 2) == [ApiKeyRefused] * TRIES + [TriesExceeded] * 2
    with pytest.raises(TriesExceeded) as caught:
        await keys.holder_of(issued.text, address=HERE)
    assert caught.value.retry_after == 60 // TRIES
    assert (await keys.holder_of(known.text, address=HERE)).name == "known"  # let in before: not held up
    assert (await keys.holder_of(issued.text, address=THERE)).name == "the app"
    clock.advance(timedelta(seconds=60 // TRIES))
    assert (await keys.holder_of(issued.text, address=HERE)).name == "the app"
    count = metrics.registry.get_sample_value
    assert count("degnode_api_key_refusals_total", {"reason": "unknown"}) == TRIES
    assert count("degnode_api_key_refusals_total", {"reason": "too_many"}) == 3


async def test_the_operators_own_key_is_not_guessed_faster_than_others(
    uow_factory: UnitOfWorkFactory,
) -> None:
    clock = ManualClock(NOW)
    keys = door(uow_factory, configured="weak", clock=clock)
    await keys.holder_of("weak", address=THERE)
    for address in (HERE, THERE):
        await guess(keys, TRIES, address=address)
    with pytest.raises(TriesExceeded):
        await keys.holder_of("weak", address=HERE)
    assert (await keys.holder_of("weak", address=THERE)).name == "configured"  # its home: not held up
    clock.advance(timedelta(seconds=60 // TRIES))
    assert (await keys.holder_of("weak", address=HERE)).name == "configured"


async def test_a_burst_of_guesses_is_one_line_on_record(uow_factory: UnitOfWorkFactory) -> None:
    keys = door(uow_factory)
    await guess(keys, TRIES + 20)
    async with uow_factory() as uow:
        (recorded,) = await list_acts(uow, limit=10)
    assert (recorded.act.what, recorded.act.from_address) == ("api_key.guessed", HERE)


async def test_an_app_that_starts_with_many_calls_at_once_is_no_guesser(
    uow_factory: UnitOfWorkFactory,
) -> None:
    issued, keys = await issue(uow_factory), door(uow_factory)
    holders = await asyncio.gather(*(keys.holder_of(issued.text, address=HERE) for _ in range(5 * TRIES)))
    assert {holder.name for holder in holders} == {"the app"}


async def test_a_database_that_is_away_is_not_held_against_a_caller(uow_factory: UnitOfWorkFactory) -> None:
    class Away:
        def __call__(self) -> Any:
            raise ConnectionRefusedError

    issued = await issue(uow_factory)
    away: Any = Away()
    keys = door(away)
    for _ in range(2 * TRIES):
        with pytest.raises(ConnectionRefusedError):
            await keys.holder_of(issued.text, address=HERE)


@pytest.mark.parametrize(
    "wish",
    [
        {"scopes": frozenset()},
        {"expires_at": NOW},
        {"name": ""},
        {"name": "two\nlines"},
        {"name": "x" * 201},
        {"name": "\ud800"},
    ],
)
async def test_a_key_that_would_be_good_for_nothing_is_not_made(
    uow_factory: UnitOfWorkFactory, wish: dict[str, Any]
) -> None:
    with pytest.raises(ApiKeyUseless):
        await issue(uow_factory, **wish)


async def test_a_holders_name_is_its_own_and_a_second_key_must_be_meant_for_it(
    uow_factory: UnitOfWorkFactory,
) -> None:
    first = await issue(uow_factory, "meters")
    with pytest.raises(ApiKeyNameTaken):
        await issue(uow_factory, "meters")
    for reserved in ("configured", "adapter", "lfdi:AB12", "signed:AB12", "utility:north"):
        with pytest.raises(ApiKeyNameTaken):
            await issue(uow_factory, reserved, same_holder=True)
    second = await issue(uow_factory, "meters", same_holder=True)
    keys = door(uow_factory)
    assert (await keys.holder_of(first.text)).name == (await keys.holder_of(second.text)).name
    for issued in (first, second):
        await revoke(uow_factory, issued.key.id)
    with pytest.raises(ApiKeyNameTaken):
        await issue(uow_factory, "meters")  # what belongs to the name is still there
    await issue(uow_factory, "meters", same_holder=True)  # to whoever has lost every key


async def test_nobody_hands_on_or_takes_away_what_they_may_not_do(uow_factory: UnitOfWorkFactory) -> None:
    limits = frozenset({Scope.KEYS_ADMIN, Scope.BUY})
    for scopes in ({Scope.ADMIN}, {Scope.METERS_WRITE}, {Scope.BUY, Scope.SELL}):
        with pytest.raises(ScopeNotYours):
            await issue(uow_factory, scopes=frozenset(scopes), limits=limits)
    lesser = await issue(uow_factory, scopes=frozenset({Scope.CONTRACTS_READ}), limits=limits)
    greater = await issue(uow_factory, "greater", scopes=frozenset({Scope.ADMIN}))
    with pytest.raises(ScopeNotYours):  # or it could act in the other's name
        await issue(uow_factory, "greater", scopes=frozenset({Scope.BUY}), limits=limits, same_holder=True)
    with pytest.raises(ScopeNotYours):
        await revoke(uow_factory, greater.key.id, limits=limits)
    await revoke(uow_factory, lesser.key.id, limits=limits)


async def test_a_key_is_revoked_once(uow_factory: UnitOfWorkFactory) -> None:
    issued = await issue(uow_factory)
    with pytest.raises(ApiKeyNotFound):
        await revoke(uow_factory, "0000000000")
    with pytest.raises(ApiKeyNotFound) as mistaken:
        await revoke(uow_factory, issued.text)
    assert f"'dgn_{issued.key.id}'" in mistaken.value.message  # and no part of the secret
    await revoke(uow_factory, issued.key.id)
    with pytest.raises(ApiKeyEnded) as refusal:
        await revoke(uow_factory, issued.key.id)
    assert "it leaked" in refusal.value.message


async def test_making_and_revoking_is_on_record_without_the_secret(uow_factory: UnitOfWorkFactory) -> None:
    issued = await issue(uow_factory)
    await revoke(uow_factory, issued.key.id)
    async with uow_factory() as uow:
        revoked, made = [recorded.act for recorded in await list_acts(uow, what="api_key", limit=10)]
        rows = (await uow.connection.execute(text("SELECT audit_log::text FROM audit_log"))).scalars().all()
    assert (made.what, made.target, made.who, made.from_address) == (
        "api_key.made",
        issued.key.id,
        "op@host",
        "192.0.2.7",
    )
    assert (revoked.what, revoked.why) == ("api_key.revoked", "it leaked")
    assert revoked.before == made.after == {"name": "the app", "scopes": ["buy"], "expires_at": None}
    assert not any(issued.text.split("_", 2)[2] in row for row in rows)
