"""Whom a node believes, with the project's own registry behind it: pinned keys, DeDi, networks, changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from protocol.actions import Action, Role
from protocol.keys import new_private_key, write_public_key
from protocol.profile import V2_LTS
from registry.dedi_api import record_id
from storage.database import Database
from tests.support.lts_examples import example as lts_example
from tests.support.participants import RunningParticipant, RunningRegistry, running_participant
from tests.support.rc_examples import example
from tests.support.registries import SigningRegistry, decide
from tests.support.simulated_peer import SimulatedPeer
from tests.support.waiting import eventually

BAP_ID, BPP_ID = "bap.bakery.example", "bpp.sunfield.example"
CONFIRM: Final = example("confirm")["message"]
NETWORK: Final = "pilot.example/2026"  # of the registry


@pytest.fixture
async def buyer(registry: SigningRegistry) -> AsyncIterator[SimulatedPeer]:
    async with SimulatedPeer(Role.BAP, BAP_ID) as peer:
        await peer.register(registry.url, token=registry.token)
        yield peer


@asynccontextmanager
async def seller(
    registry: SigningRegistry, database: Database, data_dir: Path, **settings: Any
) -> AsyncIterator[RunningParticipant]:
    async with running_participant(
        role=Role.BPP,
        subscriber_id=BPP_ID,
        database=database,
        registry=RunningRegistry(server=registry.server),
        data_dir=data_dir,
        workers=False,
        **settings,
    ) as running:
        yield running


def over_dedi(registry: SigningRegistry) -> dict[str, Any]:
    return {
        "registry_kind": "dedi",
        "registry_url": f"{registry.url}/dedi",
        "dedi_namespaces": "registry.local",
        "registry_key": write_public_key(registry.keys.signer.public_key),
    }


async def confirm(
    buyer: SimulatedPeer,
    to: RunningParticipant,
    *,
    key_id: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> tuple[int, str | None]:
    """Return the HTTP status and the error's code of a new confirm, signed under another keyId if told."""
    message = buyer.write(Action.CONFIRM, CONFIRM, to=to.address, context=context)
    header = buyer.sign(message.body)
    if key_id is not None:
        header = header.replace(f"{BAP_ID}|k1|ed25519", f"{key_id}|ed25519")
    return read(await buyer.post(message.url, message.body, authorization=header))


def read(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("error", {}).get("code")


async def test_a_registry_whose_key_is_pinned_is_believed(
    registry: SigningRegistry, buyer: SimulatedPeer, database: Database, tmp_path: Path
) -> None:
    key = write_public_key(registry.keys.signer.public_key)
    async with seller(registry, database, tmp_path, registry_key=key) as bpp:
        assert await confirm(buyer, bpp) == (200, None)


async def test_where_another_key_is_pinned_nobody_is_let_in_and_everybody_may_try_again(
    registry: SigningRegistry, buyer: SimulatedPeer, database: Database, tmp_path: Path
) -> None:
    forged = write_public_key(new_private_key().public_key)
    async with seller(registry, database, tmp_path, registry_key=forged) as bpp:
        assert await confirm(buyer, bpp) == (503, "NET_DOWNSTREAM_UNAVAILABLE")


async def test_over_dedi_a_sender_is_known_by_its_key_and_by_its_record(
    registry: SigningRegistry, buyer: SimulatedPeer, database: Database, tmp_path: Path
) -> None:
    async with seller(registry, database, tmp_path, **over_dedi(registry)) as bpp:
        for key_id in (
            None,
            f"{BAP_ID}/subscribers.beckn.one/k1",
            f"registry.local/subscribers.beckn.one/{record_id(BAP_ID, 'k1')}",
        ):
            assert await confirm(buyer, bpp, key_id=key_id) == (200, None)
        assert await confirm(buyer, bpp, key_id="elsewhere.example/subscribers.beckn.one/k1") == (
            401,
            "AUT_KEY_NOT_FOUND",
        )
        async with bpp.uow_factory() as uow:
            senders = await uow.connection.exec_driver_sql("SELECT DISTINCT sender FROM inbox")
            assert senders.scalars().all() == [BAP_ID]


async def test_a_key_named_by_a_record_is_not_taken_where_the_registry_has_none(
    registry: SigningRegistry, buyer: SimulatedPeer, database: Database, tmp_path: Path
) -> None:
    async with seller(registry, database, tmp_path) as bpp:
        name = f"{BAP_ID}/subscribers.beckn.one/k1"
        assert await confirm(buyer, bpp, key_id=name) == (401, "AUT_SIGNATURE_INVALID")


async def test_a_message_must_belong_to_a_network_of_its_sender(
    registry: SigningRegistry, buyer: SimulatedPeer, database: Database, tmp_path: Path
) -> None:
    refused = (403, "AUT_DOMAIN_NOT_ALLOWED")
    async with seller(registry, database, tmp_path, **over_dedi(registry)) as bpp:
        assert await confirm(buyer, bpp, context={"network_id": [NETWORK]}) == (200, None)
        assert await confirm(buyer, bpp, context={"network_id": [NETWORK, "other.example/1"]}) == refused
    async with seller(registry, database, tmp_path, networks=NETWORK) as bpp:
        assert await confirm(buyer, bpp, context={"network_id": [f"{NETWORK}@fabric.example"]}) == (200, None)
        assert await confirm(buyer, bpp, context={"network_id": ["other.example/1"]}) == refused


async def test_the_network_of_an_lts_message_is_read_from_its_own_field(
    registry: SigningRegistry, database: Database, tmp_path: Path
) -> None:
    async with SimulatedPeer(Role.BAP, BAP_ID, profile=V2_LTS) as buyer:
        await buyer.register(registry.url, token=registry.token)
        async with seller(registry, database, tmp_path, networks=NETWORK) as bpp:
            for network, status in ((NETWORK, 200), ("other.example/1", 403)):
                message = buyer.write(
                    Action.CONFIRM,
                    lts_example("confirm")["message"],
                    to=bpp.address,
                    context={"networkId": network},
                )
                assert (await buyer.post(message.url, message.body)).status_code == status


async def test_a_key_that_is_revoked_at_the_registry_stops_within_moments(
    registry: SigningRegistry, buyer: SimulatedPeer, database: Database, tmp_path: Path
) -> None:
    async with seller(registry, database, tmp_path, key_watch=True) as bpp:
        assert await confirm(buyer, bpp) == (200, None)
        answer = await decide(registry, "revoke", BAP_ID, key_id="k1", reason="it was stolen")
        assert answer.status_code == 200, answer.text

        async def code() -> str:
            return str((await confirm(buyer, bpp))[1])

        await eventually(code, "AUT_KEY_EXPIRED_OR_REVOKED")
