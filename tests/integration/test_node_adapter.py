"""The common adapter's paths on each side: bound callbacks, recorded requests, and callers without a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest

from bap.buyer import put_call
from bpp.publishing.adapter import callback_putter
from kernel.clock import ManualClock
from node.peer_pins import PeerPin, PeerPins
from protocol.actions import Action, Role
from protocol.profile import PROFILES, V2_LTS, V2_RC, Binding, Profile
from protocol.signing import parse_header
from storage.database import Database
from tests.support.calling import calling
from tests.support.participants import (
    API_KEY,
    RecordingHandler,
    RunningParticipant,
    all_handlers,
)
from tests.support.simulated_peer import SimulatedPeer
from tests.support.village import Village, running_village
from tests.support.wire_examples import ALL, wire_message

NOW: Final = datetime(2026, 6, 11, 18, tzinfo=UTC)
BAP_ID, BPP_ID = "bap.bakery.example", "bpp.sunfield.example"
NAMES: Final = {Role.BAP: BAP_ID, Role.BPP: BPP_ID}


class Place:
    """A village with at most one participant or peer of each side; all clocks stand still."""

    def __init__(self, village: Village) -> None:
        self.village = village

    async def participant(self, role: Role, **settings: Any) -> RunningParticipant:
        return await self.village.participant(role, NAMES[role], **settings)

    async def peer(self, role: Role, profile: Profile) -> SimulatedPeer:
        return await self.village.peer(role, NAMES[role], profile=profile)


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> AsyncIterator[Place]:
    async with running_village(database, tmp_path, clock=ManualClock(NOW)) as village:
        yield Place(village)


async def _post(url: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    async with calling() as client:
        return await client.post(url, content=body, headers=headers)


@pytest.mark.parametrize("profile", ALL, ids=list(PROFILES))
@pytest.mark.parametrize("pinned", [None, Binding.HEADER])
async def test_a_callback_binds_to_its_request_as_its_wire_and_the_pin_say(
    place: Place, profile: Profile, pinned: Binding | None
) -> None:
    pins = {} if pinned is None else {BAP_ID: PeerPin(binding=pinned)}
    bpp = await place.participant(Role.BPP, put=callback_putter(PeerPins(pins)))
    buyer = await place.peer(Role.BAP, profile)
    request = buyer.write(Action.CONFIRM, wire_message(profile, Action.CONFIRM), to=bpp.address)
    authorization = buyer.sign(request.body)
    await buyer.post(request.url, request.body, authorization=authorization)
    callback = bpp.participant.foundation.correspondent.unsolicited(
        Action.ON_CONFIRM,
        to=buyer.address,
        message=wire_message(profile, Action.ON_CONFIRM),
        transaction_id=request.transaction_id,
        now=NOW,
        profile=profile,
    )
    document = orjson.loads(callback.body)
    document["context"][profile.keys.message_id] = request.message_id
    sent = await _post(
        f"{bpp.url}/bpp/caller/on_confirm", orjson.dumps(document), headers={"X-Api-Key": API_KEY}
    )
    assert sent.status_code == 200
    await buyer.wait_for(Action.ON_CONFIRM)
    async with bpp.uow_factory() as uow:
        rows = await uow.connection.exec_driver_sql("SELECT request_signature FROM outbox")
        expected = {
            Binding.NONE: None,
            Binding.SIGNATURE: parse_header(authorization).signature,
            Binding.HEADER: authorization,
        }
        assert rows.scalar_one() == expected[pinned or profile.binding]


async def test_a_message_under_a_bare_signature_is_answered(place: Place) -> None:
    handlers = all_handlers(Role.BPP, RecordingHandler({"order": {}}))
    bpp = await place.participant(Role.BPP, handlers=handlers, bare_signatures=True)
    buyer = await place.peer(Role.BAP, V2_RC)
    request = buyer.write(Action.CONFIRM, wire_message(V2_RC, Action.CONFIRM), to=bpp.address)
    bare = buyer.sign(request.body).removeprefix("Signature ")
    assert (await buyer.post(request.url, request.body, authorization=bare)).status_code == 200
    (callback,) = await buyer.wait_for(Action.ON_CONFIRM)
    assert callback.message_id == request.message_id


def _request(bap: RunningParticipant, seller: SimulatedPeer, action: Action, **context: Any) -> bytes:
    outgoing = bap.participant.foundation.correspondent.request(
        action,
        to=seller.address,
        message=wire_message(V2_LTS, action),
        transaction_id="t-1",
        now=NOW,
        profile=V2_LTS,
    )
    document = orjson.loads(outgoing.body)
    document["context"] |= context
    return orjson.dumps(document)


async def test_a_message_id_stands_for_one_request_of_one_action(place: Place) -> None:
    bap = await place.participant(Role.BAP, put=put_call)
    seller = await place.peer(Role.BPP, V2_LTS)
    headers = {"X-Api-Key": API_KEY}
    select = _request(bap, seller, Action.SELECT, messageId="m-1")
    init = _request(bap, seller, Action.INIT, messageId="m-1")
    assert (await _post(f"{bap.url}/bap/caller/select", select, headers)).status_code == 200
    refused = await _post(f"{bap.url}/bap/caller/init", init, headers)
    assert (refused.status_code, refused.json()["message"]["error"]["details"]["path"]) == (
        409,
        "$.context.messageId",
    )


async def test_what_is_nested_too_deep_is_refused(place: Place) -> None:
    bap = await place.participant(Role.BAP, put=put_call)
    seller = await place.peer(Role.BPP, V2_LTS)
    select = _request(bap, seller, Action.SELECT)[:-1] + b',"more":' + b"[" * 1_000 + b"]" * 1_000 + b"}"
    refused = await _post(f"{bap.url}/bap/caller/select", select, {"X-Api-Key": API_KEY})
    assert (refused.status_code, "nested" in refused.text) == (400, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({}, 415),
    ],
)
async def test_without_a_key_only_declared_json_is_taken(
    place: Place, headers: dict[str, str], status: int
) -> None:
    bap = await place.participant(Role.BAP, put=put_call, open_callers=True)
    seller = await place.peer(Role.BPP, V2_LTS)
    answer = await _post(f"{bap.url}/bap/caller/select", _request(bap, seller, Action.SELECT), headers)
    assert answer.status_code == status
