"""API keys in a real database, and the routes that ask for them."""

from __future__ import annotations

import pytest
from fastapi import FastAPI, Request
from sqlalchemy import select

from node.api_keys import ApiKeyRefused, ApiKeys, add_api_key, authenticate, has_api_keys, new_api_key
from node.tables import api_keys
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.outgoing import NOW


async def add(uow_factory: UnitOfWorkFactory, name: str) -> str:
    key = new_api_key()
    async with uow_factory() as uow:
        await add_api_key(uow, name=name, key=key, now=NOW)
    return key


def request(keys: ApiKeys, **headers: str) -> Request:
    app = FastAPI()
    app.state.api_keys = keys
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "app": app, "headers": raw})


async def test_a_key_lets_its_holder_in_and_only_its_digest_is_kept(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        assert not await has_api_keys(uow)
    key = await add(uow_factory, "the app")
    async with uow_factory() as uow:
        assert await has_api_keys(uow)
        (row,) = await uow.connection.execute(select(api_keys))
    assert key.startswith("dgn_")
    assert (row.name, row.created_at, len(row.digest)) == ("the app", NOW, 32)
    assert key.encode() not in row.digest
    keys = ApiKeys(uow_factory, configured=None)
    assert [await keys.holder_of(key) for _ in range(2)] == ["the app", "the app"]


async def test_no_two_keys_are_alike(uow_factory: UnitOfWorkFactory) -> None:
    first, second = await add(uow_factory, "one"), await add(uow_factory, "two")
    keys = ApiKeys(uow_factory, configured=None)
    assert [await keys.holder_of(first), await keys.holder_of(second)] == ["one", "two"]


@pytest.mark.parametrize("key", [None, "", "dgn_wrong", "ключ"])
async def test_nobody_else_comes_in(uow_factory: UnitOfWorkFactory, key: str | None) -> None:
    await add(uow_factory, "the app")
    with pytest.raises(ApiKeyRefused) as refusal:
        await ApiKeys(uow_factory, configured="other").holder_of(key)
    assert refusal.value.hint


async def test_the_configured_key_needs_no_row(uow_factory: UnitOfWorkFactory) -> None:
    assert await ApiKeys(uow_factory, configured="mine").holder_of("mine") == "configured"


async def test_a_raw_request_shows_its_key_in_either_header(uow_factory: UnitOfWorkFactory) -> None:
    keys = ApiKeys(uow_factory, configured="mine")
    assert await authenticate(request(keys, x_api_key="mine")) == "configured"
    assert await authenticate(request(keys, authorization="bearer mine")) == "configured"
    for headers in ({}, {"authorization": "Basic mine"}, {"authorization": "Bearer"}):
        with pytest.raises(ApiKeyRefused):
            await authenticate(request(keys, **headers))
