"""A BAP and a BPP at full work: one effect for many copies, and callbacks bound to their requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest
import simplejson
from sqlalchemy import select

from protocol.actions import Action, Role
from protocol.signing import FOUR_LINES, parse_header
from storage.database import Database
from storage.tables import inbox, outbox
from tests.support.participants import (
    RecordingHandler,
    RunningParticipant,
    all_handlers,
    fresh_database,
    ignore,
)
from tests.support.rc_examples import example
from tests.support.simulated_peer import Received, SimulatedPeer
from tests.support.village import running_village
from tests.support.waiting import eventually

BAP_ID, BPP_ID = "bap.bakery.example", "bpp.sunfield.example"
CONFIRM: Final = example("confirm")["message"]
ON_CONFIRM: Final = example("on_confirm")["message"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A BAP and a BPP at full work, and a seller and a buyer that are only simulated."""

    bap: RunningParticipant
    bpp: RunningParticipant
    seller: SimulatedPeer
    buyer: SimulatedPeer
    confirms: RecordingHandler
    callbacks: RecordingHandler


@pytest.fixture
async def pair(
    database: Database, postgres_url: str, template_url: str, tmp_path: Path
) -> AsyncIterator[Pair]:
    confirms, callbacks = RecordingHandler(ON_CONFIRM), RecordingHandler()
    async with (
        fresh_database(postgres_url, template_url) as other,
        running_village(database, tmp_path) as village,
    ):
        handlers = all_handlers(Role.BPP, ignore, {Action.CONFIRM: confirms})
        yield Pair(
            seller=await village.peer(Role.BPP, "bpp.simulated.example"),
            buyer=await village.peer(Role.BAP, "bap.simulated.example"),
            bpp=await village.participant(Role.BPP, BPP_ID, handlers=handlers),
            bap=await village.participant(
                Role.BAP, BAP_ID, database=other, handlers=all_handlers(Role.BAP, callbacks)
            ),
            confirms=confirms,
            callbacks=callbacks,
        )


async def test_fifty_copies_at_once_get_one_answer_one_effect_and_one_callback(pair: Pair) -> None:
    confirm = pair.buyer.write(Action.CONFIRM, CONFIRM, to=pair.bpp.address)
    header = pair.buyer.sign(confirm.body)
    responses = await asyncio.gather(
        *(pair.buyer.post(confirm.url, confirm.body, authorization=header) for _ in range(50))
    )
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    for response in responses:
        pair.buyer.check_signature_of(response, of=pair.bpp.signer)
    (callback,) = await pair.buyer.wait_for(Action.ON_CONFIRM)
    await eventually(lambda: _states(pair.bpp), ["handled", "delivered"])
    assert callback.message_id == confirm.message_id
    assert len(pair.confirms.handled) == len(pair.buyer.received) == 1


async def test_a_bap_and_a_bpp_understand_each_other_in_four_lines(pair: Pair) -> None:
    message_id = await pair.bap.request(Action.CONFIRM, CONFIRM, to=pair.bpp.address)
    await eventually(lambda: _states(pair.bap), ["handled", "delivered"])
    (callback,) = pair.callbacks.handled
    assert (callback.action, callback.context.message_id) == (Action.ON_CONFIRM, message_id)
    assert callback.message == simplejson.loads(simplejson.dumps(ON_CONFIRM), use_decimal=True)
    async with pair.bap.uow_factory() as uow:
        header = (await uow.connection.execute(select(inbox.c.authorization))).scalar_one()
        sent = (await uow.connection.execute(select(outbox.c.authorizations))).scalar_one()
    assert parse_header(header).headers == FOUR_LINES
    assert parse_header(pair.confirms.handled[0].authorization).signature == parse_header(sent[0]).signature


async def test_a_simulated_seller_may_bind_its_callback_or_not(pair: Pair) -> None:
    await pair.bap.request(Action.CONFIRM, CONFIRM, to=pair.seller.address)
    (request,) = await pair.seller.wait_for(Action.CONFIRM)
    bound = await pair.seller.answer(request, ON_CONFIRM, to=pair.bap.address)
    unbound = await pair.seller.send(Action.ON_STATUS, example("on_status")["message"], to=pair.bap.address)
    assert (bound.status_code, unbound.status_code) == (200, 200)
    pair.seller.check_signature_of(bound, of=pair.bap.signer)
    pair.seller.check_signature_of(unbound, of=pair.bap.signer)


async def test_a_callback_that_binds_a_request_which_was_never_sent_is_refused(pair: Pair) -> None:
    stray = pair.buyer.write(Action.CONFIRM, CONFIRM, to=pair.seller.address)
    request = Received(action=Action.CONFIRM, body=stray.body, authorization=pair.buyer.sign(stray.body))
    response = await pair.seller.answer(request, ON_CONFIRM, to=pair.bap.address)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "AUT_SIGNATURE_INVALID")


async def test_a_callback_that_binds_another_signature_than_the_requests_is_refused(pair: Pair) -> None:
    await pair.bap.request(Action.CONFIRM, CONFIRM, to=pair.seller.address)
    (request,) = await pair.seller.wait_for(Action.CONFIRM)
    forged = replace(request, authorization=pair.buyer.sign(request.body))
    response = await pair.seller.answer(forged, ON_CONFIRM, to=pair.bap.address)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "AUT_SIGNATURE_INVALID")


async def _states(node: RunningParticipant) -> list[str]:
    async with node.uow_factory() as uow:
        return [
            state
            for table in (inbox, outbox)
            for state in (await uow.connection.execute(select(table.c.state))).scalars()
        ]
