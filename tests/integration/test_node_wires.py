"""One node, three generations: each is taken in, answered and remembered as it is spoken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest

from kernel.clock import ManualClock
from node.peer_pins import PeerPin
from protocol.actions import Action, Role
from protocol.counter_signature import Receipt, verify_counter_signature
from protocol.profile import PROFILES, V1_1, V2_LTS, V2_RC, AckShape, AckSignature, Binding, Profile
from protocol.signing import digest, parse_header
from registry_client.subscriber import SubscriberRole
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
from tests.support.waiting import eventually
from tests.support.wire_examples import ALL, wire_message

NOW: Final = datetime(2026, 6, 11, 18, tzinfo=UTC)
BPP_ID: Final = "bpp.sunfield.example"
IDS: Final = list(PROFILES)
PINNED: Final = "bap.onix.example"
COUNTERSIGNED: Final = "bap.by-the-document.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A BPP that answers every confirm, its registry, and a buyer's platform of each generation."""

    village: Village
    bpp: RunningParticipant
    buyers: Mapping[str, SimulatedPeer]
    clock: ManualClock

    async def peers(self) -> list[dict[str, Any]]:
        async with calling(headers={"X-Api-Key": API_KEY}) as client:
            found: list[dict[str, Any]] = (await client.get(f"{self.bpp.url}/api/v1/peers")).json()
            return found


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock(NOW)
    answer = RecordingHandler({"order": {}})
    async with running_village(database, tmp_path, clock=clock) as village:
        bpp = await village.participant(
            Role.BPP,
            BPP_ID,
            handlers=all_handlers(Role.BPP, answer),
            peers={
                PINNED: PeerPin(wire="v2_lts", binding=Binding.HEADER),
                COUNTERSIGNED: PeerPin(ack=AckShape.LTS, ack_signature=AckSignature.COUNTER),
            },
            peer_rate=50,
        )
        buyers = {
            profile.name: await village.peer(Role.BAP, f"bap.{profile.name}.example", profile=profile)
            for profile in ALL
        }
        yield World(village=village, bpp=bpp, buyers=buyers, clock=clock)


def _read_ack(profile: Profile, body: Mapping[str, Any]) -> object:
    return {
        "v1_1": lambda: body["message"]["ack"]["status"],
        "v2_rc": lambda: body["ack_status"],
        "v2_lts": lambda: body["message"]["status"],
    }[profile.name]()


@pytest.mark.parametrize("profile", ALL, ids=IDS)
async def test_a_confirm_is_acknowledged_and_answered_on_its_own_wire(world: World, profile: Profile) -> None:
    buyer = world.buyers[profile.name]
    response = await buyer.send(Action.CONFIRM, wire_message(profile, Action.CONFIRM), to=world.bpp.address)
    assert (response.status_code, _read_ack(profile, response.json())) == (200, "ACK")
    assert ("Signature" in response.headers) == (profile.ack_signature is AckSignature.HEADER)
    (callback,) = await buyer.wait_for(Action.ON_CONFIRM)
    header = parse_header(callback.authorization)
    assert ("request-signature" in header.headers) == (profile.binding is Binding.SIGNATURE)
    assert callback.document["context"][profile.keys.bpp_id] == BPP_ID


@pytest.mark.parametrize("profile", ALL, ids=IDS)
async def test_a_broken_confirm_is_refused_in_the_shape_of_its_wire(world: World, profile: Profile) -> None:
    buyer = world.buyers[profile.name]
    response = await buyer.send(Action.CONFIRM, {}, to=world.bpp.address)
    assert (response.status_code, _read_ack(profile, response.json())) == (400, "NACK")


@pytest.mark.parametrize("profile", ALL, ids=IDS)
async def test_a_disbelieved_confirm_is_refused_in_the_shape_of_its_wire(
    world: World, profile: Profile
) -> None:
    buyer = world.buyers[profile.name]
    outgoing = buyer.write(Action.CONFIRM, wire_message(profile, Action.CONFIRM), to=world.bpp.address)
    for authorization in ("", buyer.sign(b"other")):
        response = await buyer.post(outgoing.url, outgoing.body, authorization=authorization)
        assert (response.status_code, _read_ack(profile, response.json())) == (401, "NACK")
        assert ("Signature" in response.headers) == (profile.ack_signature is AckSignature.HEADER)


@pytest.mark.parametrize("profile", ALL, ids=IDS)
async def test_the_adapters_paths_take_every_generation(world: World, profile: Profile) -> None:
    buyer = world.buyers[profile.name]
    outgoing = buyer.write(Action.CONFIRM, wire_message(profile, Action.CONFIRM), to=world.bpp.address)
    response = await buyer.post(f"{world.bpp.url}/bpp/receiver/confirm", outgoing.body)
    assert response.status_code == 200
    message = response.json()["message"]
    assert message.get("status", message.get("ack", {}).get("status")) == "ACK"


async def test_what_peers_speak_and_how_their_clocks_go_is_shown(world: World) -> None:
    world.clock.advance(timedelta(seconds=2))
    for profile in ALL:
        await world.buyers[profile.name].send(
            Action.CONFIRM,
            wire_message(profile, Action.CONFIRM),
            to=world.bpp.address,
            transaction_id=profile.name,
        )

    async def all_heard() -> bool:
        return len(await world.peers()) == len(ALL)

    await eventually(all_heard, True)
    assert {peer["subscriber_id"]: (peer["wire"], peer["heard_on"]) for peer in await world.peers()} == {
        f"bap.{name}.example": (name, name) for name in PROFILES
    }
    assert {peer["clock_skew_seconds"] for peer in await world.peers()} == {0.0}


async def test_a_pinned_peer_gets_the_whole_header_as_the_fourth_line(world: World) -> None:
    buyer = await world.village.peer(Role.BAP, PINNED, profile=V2_LTS)
    await buyer.send(Action.CONFIRM, wire_message(V2_LTS, Action.CONFIRM), to=world.bpp.address)
    await buyer.wait_for(Action.ON_CONFIRM)
    async with world.bpp.uow_factory() as uow:
        rows = await uow.connection.exec_driver_sql(
            "SELECT request_signature FROM outbox WHERE peer = 'bap.onix.example'"
        )
        assert str(rows.scalar_one()).startswith("Signature keyId=")


async def test_a_pinned_peer_gets_its_answers_signed_within(world: World) -> None:
    buyer = await world.village.peer(Role.BAP, COUNTERSIGNED, profile=V2_LTS)
    confirm = buyer.write(Action.CONFIRM, wire_message(V2_LTS, Action.CONFIRM), to=world.bpp.address)
    response = await buyer.post(confirm.url, confirm.body)
    assert (response.json()["status"], "Signature" in response.headers) == ("ACK", False)
    verify_counter_signature(
        response.content,
        Receipt(digest(confirm.body), confirm.message_id),
        key=world.bpp.signer.public_key,
        now=NOW,
        labels=V2_LTS.digest_labels,
    )


async def test_a_peer_is_written_to_as_pinned_else_as_heard_else_as_is_usual(world: World) -> None:
    wires = world.bpp.participant.foundation.wires
    buyer = world.buyers["v1_1"]
    assert await wires.of(buyer.signer.subscriber_id) is V2_RC
    await buyer.send(Action.CONFIRM, wire_message(V1_1, Action.CONFIRM), to=world.bpp.address)
    await buyer.wait_for(Action.ON_CONFIRM)
    assert await wires.of(buyer.signer.subscriber_id) is V1_1
    assert await wires.of(PINNED) is V2_LTS
    only_rc = replace(wires, spoken=(V2_RC,))
    assert await only_rc.of(buyer.signer.subscriber_id) is V2_RC


async def test_the_answer_of_a_peer_is_kept_with_the_verdict_on_its_signature(world: World) -> None:
    buyer = world.buyers["v2_rc"]
    await buyer.send(Action.CONFIRM, wire_message(V2_RC, Action.CONFIRM), to=world.bpp.address)
    await buyer.wait_for(Action.ON_CONFIRM)

    async def verdicts() -> list[str]:
        async with world.bpp.uow_factory() as uow:
            rows = await uow.connection.exec_driver_sql(
                "SELECT answer_verdict FROM outbox WHERE answer_verdict IS NOT NULL ORDER BY id"
            )
            return list(rows.scalars())

    async def unsigned() -> bool:
        return await verdicts() == ["unsigned"]

    await eventually(unsigned, True)


async def test_a_gateway_signs_beside_the_sender(world: World) -> None:
    buyer = world.buyers["v1_1"]
    gateway = await world.village.peer(Role.BAP, "bg.example", profile=V1_1, role=SubscriberRole.BG)
    search = buyer.write(Action.DISCOVER, wire_message(V1_1, Action.DISCOVER), to=world.bpp.address)

    async def passed_on(gateway_header: str) -> httpx.Response:
        return await buyer.post(search.url, search.body, gateway_authorization=gateway_header)

    assert (await passed_on(gateway.sign(search.body))).status_code == 200
    unknown = SimulatedPeer(Role.BAP, "bg.unknown.example", clock=world.clock, profile=V1_1)
    for header in (
        gateway.sign(b"other"),
        "nonsense",
        "",
        buyer.sign(search.body),
        unknown.sign(search.body),
    ):
        refused = await passed_on(header)
        assert refused.status_code == 401
        assert "Proxy-Authenticate" in refused.headers
        assert "WWW-Authenticate" not in refused.headers


async def test_who_is_registered_as_a_seller_confirms_nothing(world: World) -> None:
    seller = await world.village.peer(Role.BAP, "bpp.other.example", role=SubscriberRole.BPP)
    response = await seller.send(Action.CONFIRM, wire_message(V2_RC, Action.CONFIRM), to=world.bpp.address)
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "AUT_UNAUTHORIZED_ACTION"


async def test_a_peer_that_sends_too_fast_is_told_to_wait(world: World) -> None:
    buyer = world.buyers["v2_rc"]
    statuses = [
        await buyer.send(Action.STATUS, {}, to=world.bpp.address, transaction_id=f"t-{number}")
        for number in range(51)
    ]
    assert {response.status_code for response in statuses[:50]} == {400}
    assert statuses[50].status_code == 429
    assert statuses[50].headers["Retry-After"] == "1"
    world.clock.advance(timedelta(seconds=1))
    again = await buyer.send(Action.CONFIRM, wire_message(V2_RC, Action.CONFIRM), to=world.bpp.address)
    assert again.status_code == 200


async def _call(
    world: World, body: bytes, *, action: str = "on_confirm", key: str = API_KEY
) -> httpx.Response:
    async with calling() as client:
        return await client.post(
            f"{world.bpp.url}/bpp/caller/{action}", content=body, headers={"X-Api-Key": key} if key else {}
        )


def _callback(world: World, profile: Profile, **context: Any) -> bytes:
    writer = world.bpp.participant.foundation.correspondent
    buyer = world.buyers[profile.name]
    outgoing = writer.unsolicited(
        Action.ON_CONFIRM,
        to=buyer.address,
        message=wire_message(profile, Action.ON_CONFIRM),
        transaction_id="t-9",
        now=NOW,
        profile=profile,
    )
    document = orjson.loads(outgoing.body)
    document["context"] |= context
    return orjson.dumps(document)


@pytest.mark.parametrize("profile", ALL, ids=IDS)
async def test_other_software_of_this_side_sends_through_the_adapters_path(
    world: World, profile: Profile
) -> None:
    body = _callback(world, profile)
    assert (await _call(world, body)).status_code == 200
    (received,) = await world.buyers[profile.name].wait_for(Action.ON_CONFIRM)
    assert received.body == body
    assert (await _call(world, body)).status_code == 200
    reused = orjson.loads(body)
    reused["message"] = wire_message(profile, Action.ON_CONFIRM) | {"more": 1}
    assert (await _call(world, orjson.dumps(reused))).status_code in (400, 409)


@pytest.mark.parametrize(
    ("changes", "call", "status", "words"),
    [
        ({}, {"key": ""}, 401, "API key"),
        ({"bpp_id": "bpp.somebody.example"}, {}, 401, "signed by"),
        ({"bap_uri": ""}, {}, 400, "bap_uri"),
        ({"bap_uri": "ftp://bap.example"}, {}, 400, "no URL"),
        ({"bap_uri": "http://[::1"}, {}, 400, "no URL"),
        ({"version": "3.0.0"}, {}, 400, "version"),
        ({}, {"action": "confirm"}, 404, "nothing that a BPP sends"),
    ],
)
async def test_what_cannot_be_sent_is_refused_with_a_reason(
    world: World, changes: dict[str, Any], call: dict[str, Any], status: int, words: str
) -> None:
    response = await _call(world, _callback(world, V2_RC, **changes), **call)
    assert response.status_code == status
    assert words in response.text


@pytest.mark.parametrize("body", [b"{", b"x" * 2_000_000])
async def test_what_is_no_message_is_refused(world: World, body: bytes) -> None:
    assert (await _call(world, body)).status_code in (400, 413)


async def test_the_same_message_posted_many_times_at_once_leaves_once(world: World) -> None:
    body = _callback(world, V2_LTS)
    answers = await asyncio.gather(*(_call(world, body) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await world.buyers["v2_lts"].wait_for(Action.ON_CONFIRM)) == 1


async def test_a_reused_id_is_told_by_the_name_that_its_wire_has_for_it(world: World) -> None:
    assert (await _call(world, _callback(world, V2_LTS, messageId="m-1"))).status_code == 200
    refused = await _call(world, _callback(world, V2_LTS, messageId="m-1", transactionId="t-10"))
    assert (refused.status_code, "$.context.messageId" in refused.text) == (409, True)
