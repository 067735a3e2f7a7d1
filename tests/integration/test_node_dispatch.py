"""From the inbox to a handler and on to the outbox: one commit, one conversation at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import structlog

from kernel.clock import ManualClock
from kernel.errors import NodeError
from node.dispatch import Dispatch, HandlerMismatch
from node.message import Handler, Inbound
from node.telemetry import Metrics
from protocol.actions import HANDLED_BY, Action, Role
from protocol.rulebook import make_rulebook
from protocol.signing import parse_header
from storage.database import Database
from storage.inbox import Inbox
from storage.outbox import Outbox
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.desk import (
    BAP,
    LEASE,
    ON_CONFIRM,
    Desk,
    correspondent,
    mark,
    mark_and_answer,
)
from tests.support.outgoing import NOW
from tests.support.participants import RecordingHandler, all_handlers, ignore
from tests.support.peers import unhealthy_peers


class OutOfStock(NodeError):
    """Refuses for good."""

    code, http_status, retryable = "BIZ_QUANTITY_UNAVAILABLE", 409, False


class MeterAway(NodeError):
    """Refuses for now."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


@pytest.fixture
def desk(database: Database, uow_factory: UnitOfWorkFactory) -> Desk:
    return Desk(database=database, uow_factory=uow_factory, clock=ManualClock(NOW), metrics=Metrics())


async def test_the_handlers_change_its_callback_and_the_inbox_mark_are_there_together(desk: Desk) -> None:
    request = desk.write()
    await desk.receive(request)
    dispatch = desk.dispatch({Action.CONFIRM: mark_and_answer})
    assert await dispatch.step()
    assert not await dispatch.step()
    (received,) = await desk.received()
    (callback,) = await desk.callbacks()
    assert (received.state, received.handled_at, received.error) == ("handled", NOW, None)
    assert (callback.action, callback.message_id, callback.transaction_id) == (
        "on_confirm",
        request.message_id,
        "t-1",
    )
    assert (callback.peer, callback.url) == (BAP.subscriber_id, f"{BAP.url}/beckn/on_confirm")
    assert callback.request_signature == parse_header(received.authorization).signature
    assert orjson.loads(callback.body)["message"] == ON_CONFIRM
    assert await desk.marks() == 1
    assert desk.counted("handled") == 1


async def test_a_crash_between_them_leaves_none_and_the_next_try_makes_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.receive(desk.write())
    dispatch = desk.dispatch({Action.CONFIRM: mark_and_answer})

    async def broken(*_: object) -> None:
        raise ConnectionResetError("pulled the plug")

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "put", broken)
        assert await dispatch.step()
    (received,) = await desk.received()
    assert (received.state, received.attempts) == ("received", 1)
    assert "pulled the plug" in received.error
    assert (await desk.marks(), await desk.callbacks()) == (0, [])
    desk.clock.advance(timedelta(seconds=1))
    assert await dispatch.step()
    assert (await desk.marks(), len(await desk.callbacks())) == (1, 1)


async def test_a_refusal_undoes_the_handlers_changes_and_travels_in_the_callback(desk: Desk) -> None:
    async def refuse(_inbound: Inbound, uow: UnitOfWork, _now: datetime) -> None:
        await mark(uow)
        raise OutOfStock("only 3 kWh are left", path="$.message.order", hint="Ask for less.")

    request = desk.write()
    await desk.receive(request)
    await desk.dispatch({Action.CONFIRM: refuse}).step()
    (received,) = await desk.received()
    (callback,) = await desk.callbacks()
    document = orjson.loads(callback.body)
    assert document["error"] == {
        "code": "BIZ_QUANTITY_UNAVAILABLE",
        "message": "only 3 kWh are left",
        "details": {"path": "$.message.order", "hint": "Ask for less."},
    }
    assert "message" not in document
    assert callback.message_id == request.message_id
    assert received.state == "handled"
    assert received.error.startswith("only 3 kWh are left")
    assert await desk.marks() == 0
    assert desk.counted("BIZ_QUANTITY_UNAVAILABLE") == 1


async def test_a_request_that_needs_no_answer_gets_none(desk: Desk) -> None:
    await desk.receive(desk.write())
    await desk.dispatch({}).step()
    assert [row.state for row in await desk.received()] == ["handled"]
    assert await desk.callbacks() == []


async def test_a_passing_failure_is_tried_again_later(desk: Desk) -> None:
    away = [True, True]

    async def handle(_inbound: Inbound, uow: UnitOfWork, _now: datetime) -> Mapping[str, Any]:
        await mark(uow)
        if away:
            away.pop()
            raise MeterAway("the meter does not answer")
        return ON_CONFIRM

    await desk.receive(desk.write())
    dispatch = desk.dispatch({Action.CONFIRM: handle})
    for seconds in (1, 2):
        assert await dispatch.step()
        assert not await dispatch.step()  # not yet
        assert (await desk.marks(), await desk.callbacks()) == (0, [])
        desk.clock.advance(timedelta(seconds=seconds))
    assert await dispatch.step()
    (received,) = await desk.received()
    assert (received.state, received.attempts) == ("handled", 3)
    assert (await desk.marks(), len(await desk.callbacks())) == (1, 1)
    assert desk.counted("postponed") == 2


async def broken(_inbound: Inbound, uow: UnitOfWork, _now: datetime) -> None:
    await mark(uow)
    raise ZeroDivisionError


async def test_a_message_that_always_fails_is_given_up_and_its_sender_told(desk: Desk) -> None:
    first, second = desk.write(), desk.write()
    await desk.receive(first, second)
    dispatch = desk.dispatch({Action.CONFIRM: broken}, max_attempts=2)
    await dispatch.step()
    desk.clock.advance(timedelta(seconds=1))
    await dispatch.step()
    failed, following = await desk.received()
    (callback,) = await desk.callbacks()
    assert (failed.state, failed.attempts, failed.handled_at) == ("failed", 2, desk.clock.now())
    assert "ZeroDivisionError" in failed.error
    assert following.state == "received"  # and the conversation can go on
    assert orjson.loads(callback.body)["error"]["code"] == "NET_INTERNAL_ERROR"
    assert "ZeroDivision" not in callback.body.decode()
    assert callback.message_id == first.message_id
    assert desk.counted("failed") == 1


async def test_a_callback_that_fails_or_is_refused_is_answered_by_nothing(desk: Desk) -> None:
    async def refuse(*_: object) -> None:
        raise OutOfStock("we did not ask for this")

    to_us = correspondent(Role.BPP).unsolicited
    refused, failed = (
        to_us(action, to=BAP, message=ON_CONFIRM, transaction_id=action, now=NOW)
        for action in (Action.ON_CONFIRM, Action.ON_STATUS)
    )
    await desk.receive(refused, failed)
    handlers: dict[Action, Handler] = {Action.ON_CONFIRM: refuse, Action.ON_STATUS: broken}
    dispatch = Dispatch(
        role=Role.BAP,
        handlers=all_handlers(Role.BAP, ignore, handlers),
        uow_factory=desk.uow_factory,
        correspondent=correspondent(Role.BAP),
        rulebook=make_rulebook(),
        clock=desk.clock,
        metrics=desk.metrics,
        max_attempts=1,
    )
    await dispatch.step()
    assert [row.state for row in await desk.received()] == ["handled", "failed"]
    assert (await desk.marks(), await desk.callbacks()) == (0, [])


async def test_a_conversation_is_handled_in_the_order_it_came_in(desk: Desk) -> None:
    handler = RecordingHandler()
    messages = [desk.write(f"t-{number % 2}") for number in range(6)]
    await desk.receive(*messages)
    dispatch = desk.dispatch({Action.CONFIRM: handler})
    while await dispatch.step():
        pass
    for transaction_id in ("t-0", "t-1"):
        expected = [m.message_id for m in messages if m.transaction_id == transaction_id]
        handled = [i.context.message_id for i in handler.handled if i.transaction_id == transaction_id]
        assert handled == expected


async def test_what_comes_later_waits_for_what_was_postponed(desk: Desk) -> None:
    handler = RecordingHandler()
    first, second, other = desk.write(), desk.write(), desk.write("t-2")
    await desk.receive(first, second, other)

    async def handle(inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any] | None:
        if inbound.context.message_id == first.message_id and desk.clock.now() == NOW:
            raise MeterAway("not yet")
        return await handler(inbound, uow, now)

    dispatch = desk.dispatch({Action.CONFIRM: handle})
    while await dispatch.step():
        pass
    desk.clock.advance(timedelta(seconds=1))
    while await dispatch.step():
        pass
    ids = [inbound.context.message_id for inbound in handler.handled]
    assert ids == [other.message_id, first.message_id, second.message_id]


async def test_a_worker_that_lost_its_lease_leaves_nothing_behind(desk: Desk) -> None:
    await desk.receive(desk.write())

    async def slow(_inbound: Inbound, uow: UnitOfWork, _now: datetime) -> Mapping[str, Any]:
        await mark(uow)
        desk.clock.advance(LEASE)
        async with desk.uow_factory() as other:
            assert await Inbox(other.connection).claim(now=desk.clock.now(), lease=LEASE, limit=1)
        return ON_CONFIRM

    await desk.dispatch({Action.CONFIRM: slow}).step()
    (received,) = await desk.received()
    assert (received.state, received.attempts) == ("claimed", 2)
    assert (await desk.marks(), await desk.callbacks()) == (0, [])
    assert desk.counted("lease_lost") == 1


async def test_a_worker_that_lost_its_lease_gives_nothing_up(desk: Desk) -> None:
    await desk.receive(desk.write())

    async def slow(*_: object) -> None:
        desk.clock.advance(LEASE)
        async with desk.uow_factory() as other:
            await Inbox(other.connection).claim(now=desk.clock.now(), lease=LEASE, limit=1)
        raise ZeroDivisionError

    await desk.dispatch({Action.CONFIRM: slow}, max_attempts=1).step()
    assert [row.state for row in await desk.received()] == ["claimed"]
    assert await desk.callbacks() == []


async def test_a_message_that_nobody_can_read_any_more_holds_up_neither_its_conversation_nor_others(
    desk: Desk,
) -> None:
    handler = RecordingHandler()
    unreadable, following, other = desk.write(), desk.write(), desk.write("t-2")
    await desk.receive(unreadable, body=b'{"context":' + b"[" * 5_000 + b"]" * 5_000 + b"}")
    await desk.receive(following, other)
    dispatch = desk.dispatch({Action.CONFIRM: handler})
    while await dispatch.step():
        pass
    assert [row.state for row in await desk.received()] == ["failed", "handled", "handled"]
    assert len(handler.handled) == 2
    assert desk.counted("unreadable") == 1


async def test_an_error_that_stands_in_a_request_means_nothing(desk: Desk) -> None:
    handler = RecordingHandler()
    request = desk.write()
    await desk.receive(request, body=request.body[:-1] + b', "error": "none"}')
    await desk.dispatch({Action.CONFIRM: handler}).step()
    assert [inbound.error for inbound in handler.handled] == [None]


async def test_a_failure_of_the_database_shows_only_when_all_others_are_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished: list[str] = []

    async def slow(inbound: Inbound, _uow: UnitOfWork, _now: datetime) -> None:
        if inbound.transaction_id == "t-1":
            raise ZeroDivisionError
        await asyncio.sleep(0.1)
        finished.append(inbound.transaction_id)

    async def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("no database")

    await desk.receive(desk.write("t-1"), desk.write("t-2"))
    monkeypatch.setattr(Inbox, "put_back", away)
    with pytest.raises(ConnectionRefusedError):
        await desk.dispatch({Action.CONFIRM: slow}).step()
    assert finished == ["t-2"]


async def test_hearing_from_a_peer_ends_its_block(desk: Desk) -> None:
    async with desk.uow_factory() as uow:
        await mark(uow, BAP.subscriber_id)
    await desk.receive(desk.write())
    await desk.dispatch({}).step()
    async with desk.uow_factory() as uow:
        assert await unhealthy_peers(uow.connection) == []


@pytest.mark.parametrize("role", [Role.BAP, Role.BPP])
def test_handlers_that_do_not_fit_the_table_stop_the_start(desk: Desk, role: Role) -> None:
    mine, others = HANDLED_BY[role], HANDLED_BY[role.counterpart]
    incomplete = dict.fromkeys(mine[1:], ignore)
    overfull: dict[Action, Handler] = dict.fromkeys((*mine, others[0]), ignore)
    for handlers, sentence in (
        (incomplete, f"missing {mine[0]}, unknown none"),
        (overfull, f"missing none, unknown {others[0]}"),
    ):
        with pytest.raises(HandlerMismatch, match=sentence):
            Dispatch(
                role=role,
                handlers=handlers,
                uow_factory=desk.uow_factory,
                correspondent=correspondent(role),
                rulebook=make_rulebook(),
                clock=desk.clock,
                metrics=desk.metrics,
            )


async def test_attributes_that_no_pack_knows_are_taken_with_a_warning(desk: Desk) -> None:
    document = orjson.loads(desk.write().body)
    document["message"]["order"]["beckn:orderAttributes"] = {
        "@context": "https://else.example/1",
        "@type": "Else",
    }
    await desk.receive(desk.write(), body=orjson.dumps(document))
    with structlog.testing.capture_logs() as logs:
        await desk.dispatch({}).step()
    (warning,) = [entry for entry in logs if entry["event"] == "attributes.unknown"]
    assert warning["at"] == "$.message.order['beckn:orderAttributes']"
    assert (warning["context"], warning["type"]) == ("https://else.example/1", "Else")
