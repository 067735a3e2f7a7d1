"""Messages that others must be asked about first: before any transaction, and with nobody answered for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from kernel.clock import ManualClock
from kernel.errors import NodeError
from node.dispatch import Dispatch, HandlerMismatch
from node.message import Handler, Inbound, Preparation
from node.telemetry import Metrics
from protocol.actions import HANDLED_BY, Action, Role
from protocol.errors import RegistryUnavailable
from storage.database import Database
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.desk import BPP, Desk, correspondent, mark, mark_and_answer
from tests.support.outgoing import NOW
from tests.support.participants import all_handlers, ignore


class NotFound(NodeError):
    """Refuses for good."""

    code, http_status, retryable = "BIZ_NO_RESULTS_FOUND", 404, False


@pytest.fixture
def desk(database: Database, uow_factory: UnitOfWorkFactory) -> Desk:
    return Desk(database=database, uow_factory=uow_factory, clock=ManualClock(NOW), metrics=Metrics())


def prepared(desk: Desk, preparation: Preparation) -> Dispatch:
    """Return a seller's way through whose confirms are prepared."""
    handlers = all_handlers(Role.BPP, ignore)
    del handlers[Action.CONFIRM]
    return desk.dispatch_of(Role.BPP, handlers, preparations={Action.CONFIRM: preparation})


async def test_the_handler_that_was_made_handles_the_message(desk: Desk) -> None:
    asked: list[str] = []

    async def ask(inbound: Inbound) -> Handler:
        asked.append(inbound.transaction_id)
        return mark_and_answer

    await desk.receive(desk.write("t-7"))
    await prepared(desk, ask).step()
    assert asked == ["t-7"]
    assert await desk.marks() == 1
    assert [callback.action for callback in await desk.callbacks()] == ["on_confirm"]


async def test_a_no_is_a_refusal_and_travels_in_the_callback(desk: Desk) -> None:
    async def ask(_inbound: Inbound) -> Handler:
        raise NotFound("nobody is there")

    await desk.receive(desk.write())
    await prepared(desk, ask).step()
    (received,) = await desk.received()
    (callback,) = await desk.callbacks()
    assert (received.state, received.error) == ("handled", "nobody is there")
    assert b"BIZ_NO_RESULTS_FOUND" in callback.body


async def test_a_registry_that_is_away_is_asked_again(desk: Desk) -> None:
    tries: list[datetime] = []

    async def ask(_inbound: Inbound) -> Handler:
        tries.append(desk.clock.now())
        if len(tries) == 1:
            raise RegistryUnavailable("the registry does not answer")
        return mark_and_answer

    await desk.receive(desk.write())
    dispatch = prepared(desk, ask)
    with capture_logs() as logs:
        await dispatch.step()
    assert (await desk.marks(), await desk.callbacks()) == (0, [])
    (hindered,) = [entry for entry in logs if entry["event"] == "message.hindered"]
    assert "does not answer" in hindered["reason"]
    assert "exc_info" not in hindered  # nothing is broken
    desk.clock.advance(timedelta(seconds=1))
    await dispatch.step()
    assert len(tries) == 2
    assert await desk.marks() == 1


@pytest.mark.parametrize(("error", "state"), [(NotFound, "handled"), (RegistryUnavailable, "failed")])
async def test_a_gateway_answers_nothing_whatever_comes_of_a_message(
    desk: Desk, error: type[NodeError], state: str
) -> None:
    async def mark_and_refuse(_inbound: Inbound, uow: UnitOfWork, _now: datetime) -> None:
        await mark(uow)
        raise error("nobody is there")

    async def ask(_inbound: Inbound) -> Handler:
        return mark_and_refuse

    search = correspondent(Role.BAP).request(
        Action.DISCOVER, to=BPP, message={"text_search": "sun"}, transaction_id="t-1", now=NOW
    )
    await desk.receive(search)
    both = dict.fromkeys(HANDLED_BY[Role.BG], ask)
    await desk.dispatch_of(Role.BG, {}, preparations=both, max_attempts=1).step()
    (received,) = await desk.received()
    assert received.state == state
    assert "nobody is there" in received.error
    assert (await desk.marks(), await desk.callbacks()) == (0, [])


async def test_an_action_needs_a_handler_or_a_preparation(desk: Desk) -> None:
    async def ask(_inbound: Inbound) -> Handler:
        return ignore

    searches = dict.fromkeys(HANDLED_BY[Role.BG], ask)
    desk.dispatch_of(Role.BG, {}, preparations=searches)  # starts
    with pytest.raises(HandlerMismatch, match="missing on_discover"):
        desk.dispatch_of(Role.BG, {}, preparations={Action.DISCOVER: ask})
    handlers = dict.fromkeys(HANDLED_BY[Role.BG], ignore)
    with pytest.raises(HandlerMismatch, match="unknown confirm"):
        desk.dispatch_of(Role.BG, handlers, preparations={Action.CONFIRM: ask})
