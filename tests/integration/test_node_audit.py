"""The record of administrative acts, in a real database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from node.audit import Act, list_acts, record_act
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.outgoing import NOW


async def record(uow: UnitOfWork, what: str = "thing.changed", target: str = "a", **more: Any) -> None:
    await record_act(uow, Act(who="op@host", what=what, target=target, **more), now=NOW)


async def test_an_act_says_who_did_what_from_where_and_why(uow_factory: UnitOfWorkFactory) -> None:
    act = Act(
        who="op@host",
        from_address="192.0.2.7",
        what="thing.changed",
        target="a",
        before={"colour": "red"},
        after={"colour": "blue", "parts": [1, None]},
        why="it was time",
    )
    async with uow_factory() as uow:
        await record_act(uow, act, now=NOW)
    async with uow_factory() as uow:
        (recorded,) = await list_acts(uow, limit=10)
    assert (recorded.act, recorded.at) == (act, NOW)


async def test_an_act_that_is_undone_is_not_on_record(uow_factory: UnitOfWorkFactory) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  the block is what is tested
        async with uow_factory() as uow:
            await record(uow)
            raise ZeroDivisionError
    async with uow_factory() as uow:
        assert await list_acts(uow, limit=10) == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET who = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"],
)
async def test_what_is_on_record_stays_as_it_is(uow_factory: UnitOfWorkFactory, statement: str) -> None:
    async with uow_factory() as uow:
        await record(uow)
    with pytest.raises(DBAPIError, match="append-only"):
        async with uow_factory() as uow:
            await uow.connection.execute(text(statement))


async def test_acts_are_found_by_kind_and_target_the_newest_first(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        for what, target in (
            ("key.made", "a"),
            ("key.revoked", "a"),
            ("key_ring.made", "a"),
            ("key.made", "b"),
        ):
            await record(uow, what, target)

        async def found(**wanted: Any) -> list[tuple[str, str]]:
            acts = await list_acts(uow, **({"limit": 10} | wanted))
            return [(recorded.act.what, recorded.act.target) for recorded in acts]

        assert await found(what="key") == [("key.made", "b"), ("key.revoked", "a"), ("key.made", "a")]
        assert await found(what="key.made", target="a") == [("key.made", "a")]
        assert await found(what="%") == []
        assert await found(limit=1) == [("key.made", "b")]
        newest = (await list_acts(uow, limit=1))[0].number
        assert await found(before=newest, limit=1) == [("key_ring.made", "a")]


async def test_what_nobody_could_print_is_made_printable(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        await record(uow, target="a\x00b\nc\x1b[31m\ud800", why="\x7f")
        (recorded,) = await list_acts(uow, limit=1)
    assert recorded.act.target == "a\ufffdb\ufffdc\ufffd[31m\ufffd"
    assert recorded.act.why == "\ufffd"
