"""`degnode outbox`: what was given up is listed, and sent again on its own wire."""

from __future__ import annotations

import orjson
import pytest
from sqlalchemy import select, update

from node.audit import list_acts
from protocol.actions import Action
from protocol.context import read_context
from protocol.profile import Profile
from storage.tables import OutboxState, outbox
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.outgoing import NOW, PEER, outgoing
from tests.support.wire_examples import ALL, wire_example


async def run(*arguments: str, database_url: str) -> str:
    """Return what a command prints that ends well."""
    return printed(await invoke("outbox", *arguments, "--database-url", database_url))


async def give_up(uow_factory: UnitOfWorkFactory, profile: Profile) -> int:
    """Put a callback that nobody took in time; return its number."""
    body = orjson.dumps(wire_example(profile, Action.ON_CONFIRM))
    async with uow_factory() as uow:
        await uow.outbox.put(outgoing(profile=profile.name, body=body))
        dead = update(outbox).values(state=OutboxState.DEAD, last_error="ConnectionError: nobody there")
        return int((await uow.connection.execute(dead.returning(outbox.c.id))).scalar_one())


async def test_where_nothing_was_given_up_that_is_said(database_url: str) -> None:
    told = await run("list", database_url=database_url)
    assert told == "Every message was delivered or is under way."


@pytest.mark.parametrize("profile", ALL, ids=[profile.name for profile in ALL])
async def test_a_dead_letter_is_listed_and_sent_again_with_a_new_life(
    uow_factory: UnitOfWorkFactory, database_url: str, profile: Profile
) -> None:
    number = await give_up(uow_factory, profile)
    listed = await run("list", database_url=database_url)
    assert all(word in listed for word in (str(number), "dead", PEER[:7]))
    told = await run("replay", str(number), "999", database_url=database_url)
    assert told == "1 of 2 will be sent again."
    async with uow_factory() as uow:
        rows = await uow.connection.execute(select(outbox.c.state, outbox.c.body, outbox.c.expires_at))
        row = rows.one()
    async with uow_factory() as uow:
        (recorded,) = await list_acts(uow, limit=5)
    assert recorded.act.what == "message.replayed"
    assert row.state == OutboxState.PENDING
    assert row.expires_at > NOW
    context = read_context(orjson.loads(row.body), profile)
    assert context.expires_at is not None
    assert abs((context.expires_at - row.expires_at).total_seconds()) < 1
