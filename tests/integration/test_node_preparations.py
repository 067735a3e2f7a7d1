"""Messages that others must be asked about first: before any transaction, and with nobody answered for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from kernel.clock import ManualClock
from kernel.errors import NodeError
from node.dispatch import Dispatch, HandlerMismatch
from node.message import Handler, Inbound, Preparation
from node.telemetry import Metrics
from protocol.actions import HANDLED_BY, Action, Role
from protocol.errors import RegistryUnavailable
from protocol.rulebook import make_rulebook
from storage.backoff import Backoff
from storage.database import Database
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.desk import LEASE, Desk, correspondent, mark, mark_and_answer
from tests.support.outgoing import NOW
from tests.support.participants import all_handlers, ignore


class NotFound(NodeError):
    """Refuses for good."""

    code, http_status, retryable = "BIZ_NO_RESULTS_FOUND", 404, False


@pytest.fixture
def desk(database: Database, uow_factory: UnitOfWorkFactory) -> Desk:
    return Desk(database=database, uow_factory=uow_factory, clock=ManualClock(NOW), metrics=Metrics())


def prepared(desk: Desk, preparation: Preparation, *, role: Role = Role.BPP, **changes: Any) -> Dispatch:
    """Return a way through whose confirms are prepared; a gateway's handle no confirm in earnest."""
    handlers = all_handlers(Role.BPP, ignore)
    del handlers[Action.CONFIRM]
    dispatch = Dispatch(
        role=Role.BPP,
        handlers=handlers,
        preparations={Action.CONFIRM: preparation},
        uow_factory=desk.uow_factory,
        correspondent=correspondent(Role.BPP),
        rulebook=make_rulebook(),
        clock=desk.clock,
        metrics=desk.metrics,
        lease=LEASE,
        backoff=Backoff(first=timedelta(seconds=1)),
        **changes,
    )
    object.__setattr__(dispatch, "role", role)
    return dispatch


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
    await dispatch.step()
    assert (await desk.marks(), await desk.callbacks()) == (0, [])
    desk.clock.advance(timedelta(seconds=1))
    await dispatch.step()
    assert len(tries) == 2
    assert await desk.marks() == 1


@pytest.mark.parametrize("tries", [1, 2])
async def test_a_gateway_answers_nothing_whatever_comes_of_a_message(desk: Desk, tries: int) -> None:
    async def mark_and_refuse(_inbound: Inbound, uow: UnitOfWork, _now: datetime) -> None:
        await mark(uow)
        raise (NotFound if tries == 1 else RegistryUnavailable)("nobody is there")

    async def ask(_inbound: Inbound) -> Handler:
        return mark_and_refuse

    await desk.receive(desk.write())
    dispatch = prepared(desk, ask, role=Role.BG, max_attempts=1)
    await dispatch.step()
    (received,) = await desk.received()
    assert received.state == ("handled" if tries == 1 else "failed")
    assert "nobody is there" in received.error
    assert (await desk.marks(), await desk.callbacks()) == (0, [])


async def test_an_action_needs_a_handler_or_a_preparation(desk: Desk) -> None:
    async def ask(_inbound: Inbound) -> Handler:
        return ignore

    values: dict[str, Any] = {
        "role": Role.BG,
        "uow_factory": desk.uow_factory,
        "correspondent": correspondent(Role.BPP),
        "rulebook": make_rulebook(),
        "clock": desk.clock,
        "metrics": desk.metrics,
    }
    assert Dispatch(handlers={}, preparations=dict.fromkeys(HANDLED_BY[Role.BG], ask), **values)
    with pytest.raises(HandlerMismatch, match="missing on_discover"):
        Dispatch(handlers={}, preparations={Action.DISCOVER: ask}, **values)
    with pytest.raises(HandlerMismatch, match="unknown confirm"):
        Dispatch(
            handlers=dict.fromkeys(HANDLED_BY[Role.BG], ignore),
            preparations={Action.CONFIRM: ask},
            **values,
        )
