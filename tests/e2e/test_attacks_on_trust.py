"""Attacks on what nodes believe of each other: the registry, its answers, its challenges, its keys."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from degnode.processes import Network
from protocol.actions import Action, Role
from protocol.keys import new_private_key, write_public_key
from protocol.profile import V2_RC
from protocol.signing import Signer
from protocol.x25519 import EncryptionPrivateKey, write_encryption_public_key
from tests.support.calling import calling
from tests.support.lying_registry import Lie, LyingRegistry
from tests.support.network import member, seller_address, solar_market, token_of
from tests.support.processes import again, eventually
from tests.support.simulated_peer import SimulatedPeer

pytestmark = pytest.mark.asyncio(loop_scope="module")

DISCOVER = {"text_search": "solar"}
LABEL = V2_RC.digest_labels[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A network whose seller reaches the registry through a liar, and has the registry's key pinned."""

    network: Network
    liar: LyingRegistry
    attackers_key: Signer

    @contextmanager
    def lying(self, lie: Lie) -> Iterator[None]:
        """Have the liar tell that while the block runs."""
        self.liar.lie = lie
        try:
            yield
        finally:
            self.liar.lie = Lie.NONE

    async def send(self, peer: SimulatedPeer, *, signer: Signer | None = None) -> httpx.Response:
        """Send the seller a message of `peer`, signed by somebody else if a signer is given."""
        message = peer.write(Action.DISCOVER, DISCOVER, to=seller_address(self.network))
        header = (signer or peer.signer).sign(message.body, now=peer.clock.now(), label=LABEL)
        return await peer.post(message.url, message.body, authorization=header)

    def posing_as(self, peer: SimulatedPeer, **changes: Any) -> Signer:
        return replace(self.attackers_key, subscriber_id=peer.signer.subscriber_id, **changes)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    key = Signer(subscriber_id="bap.attacker.example", key_id="k1", private_key=new_private_key())
    async with solar_market(tmp_path_factory.mktemp("market")) as network:
        await network.bpp.stop()
        async with calling() as client:
            card = (await client.get(f"{network.registry.url}/")).json()
        liar = LyingRegistry(network.registry.url, key=write_public_key(key.public_key))
        async with liar:
            pinned = {"DEGNODE_REGISTRY_KEY": card["signing_public_key"], "DEGNODE_REGISTRY_URL": liar.url}
            seller = again(network.bpp, **pinned)
            await seller.start()
            try:
                yield Scene(network=network, liar=liar, attackers_key=key)
            finally:
                await seller.stop()


@pytest.mark.parametrize("lie", [Lie.FORGE, Lie.STRIP])
async def test_a_forged_registry_answer_is_not_believed(scene: Scene, lie: Lie) -> None:
    async with member(scene.network, Role.BAP, f"bap.{lie.name.lower()}.example") as victim:
        with scene.lying(lie):
            answer = await scene.send(victim, signer=scene.posing_as(victim))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "NET_DOWNSTREAM_UNAVAILABLE")
        assert int(answer.headers["Retry-After"]) > 0
        await eventually(lambda: _is_taken(scene, victim), what="the true answer is believed")
        assert (await scene.send(victim, signer=scene.posing_as(victim))).status_code == 401


async def test_a_replayed_registry_answer_is_not_believed(scene: Scene) -> None:
    async with (
        member(scene.network, Role.BAP, "bap.earlier.example") as another,
        member(scene.network, Role.BAP, "bap.replayed.example") as victim,
    ):
        assert await _is_taken(scene, another)  # so that something was said before
        with scene.lying(Lie.REPLAY):  # what the registry once truly said, to another question
            answer = await scene.send(victim)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "NET_DOWNSTREAM_UNAVAILABLE")
        await eventually(lambda: _is_taken(scene, victim), what="the true answer is believed")


async def _is_taken(scene: Scene, peer: SimulatedPeer) -> bool:
    return (await scene.send(peer)).status_code == 200


async def _enter(scene: Scene, body: dict[str, Any], signer: Signer, peer: SimulatedPeer) -> httpx.Response:
    raw = orjson.dumps(body)
    header = signer.sign(raw, now=peer.clock.now(), label=LABEL)
    async with calling() as client:
        return await client.post(
            f"{scene.network.registry.url}/subscribe",
            content=raw,
            headers={"Content-Type": "application/json", "Authorization": header},
        )


@pytest.mark.parametrize("key_id", ["k1", "k2"])
async def test_nobody_takes_a_name_over_at_the_registry(scene: Scene, key_id: str) -> None:
    async with member(scene.network, Role.BAP, f"bap.named-{key_id}.example") as victim:
        own = write_public_key(scene.attackers_key.public_key)
        body = {
            "subscriber_id": victim.signer.subscriber_id,
            "key_id": key_id,
            "url": scene.liar.url,
            "type": "BAP",
            "domain": "beckn.one:deg:p2p-trading:2.0.0",
            "signing_public_key": own,
            "encr_public_key": write_encryption_public_key(EncryptionPrivateKey.generate().public_key),
            "nonce": f"take-over-{key_id}",
        }
        # In the victim's name with the attacker's key, and as the attacker itself.
        for signer in (scene.posing_as(victim, key_id=key_id), scene.attackers_key):
            answer = await _enter(scene, body, signer, victim)
            assert answer.status_code in (401, 403), answer.text
            assert answer.json()["error"]["code"].startswith("AUT_")
        async with calling() as client:
            found = await client.post(
                f"{scene.network.registry.url}/lookup",
                json={"subscriber_id": victim.signer.subscriber_id},
            )
        assert own not in found.text
        assert [record["url"] for record in found.json()] == [victim.url]


async def test_a_key_that_the_registry_revokes_is_refused_at_once(scene: Scene) -> None:
    registry = scene.network.registry
    async with member(scene.network, Role.BAP, "bap.revoked.example") as peer:
        assert (await scene.send(peer)).status_code == 200
        async with calling() as client:
            told = await client.post(
                f"{registry.url}/admin/subscriptions/{peer.signer.subscriber_id}/revoke",
                json={"reason": "its key was stolen"},
                headers={"Authorization": f"Bearer {token_of(scene.network)}"},
            )
        assert told.status_code == 200, told.text

        async def is_refused() -> bool:
            answer = await scene.send(peer)
            return answer.status_code == 401

        await eventually(is_refused, what="the revoked key is refused")


async def test_a_challenge_that_nobody_asked_for_is_not_decrypted(scene: Scene) -> None:
    riddle = {"challenge": b64encode(bytes(64)).decode(), "subscriber_id": "bpp.demo.local"}
    async with calling() as client:
        answer = await client.post(f"{scene.network.bpp.url}/on_subscribe", json=riddle)
    assert answer.status_code == 409
    assert "answer" not in answer.json()
