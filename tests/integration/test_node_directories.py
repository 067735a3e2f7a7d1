"""Which directory a node asks: what the settings name, with what remembers its answers."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import SystemClock
from node.directories import PeerKeys, SubscribersUnreadable, open_peer_keys
from node.known_keys import KnownKeys
from node.settings import Settings
from protocol.keys import new_private_key, write_public_key
from protocol.signing import Signer
from registry_client.answer import KeyAnswer
from registry_client.dedi import DediClient
from registry_client.directory import StaticDirectory
from registry_client.lookup import LookupClient
from registry_client.reach import DestinationRefused
from registry_client.subscriber import SubscriberRole
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener
from tests.support.subscribers import BPP, record

ME = Signer(subscriber_id="bap.example.com", key_id="k1", private_key=new_private_key())


def open_with(uow_factory: UnitOfWorkFactory, **settings: Any) -> PeerKeys:
    told = Settings(subscriber_id=ME.subscriber_id, public_url="https://bap.example.com", **settings)
    return open_peer_keys(told, signers=ME, uow_factory=uow_factory, clock=SystemClock())


@pytest.mark.parametrize(("kind", "directory"), [({}, LookupClient), ({"registry_kind": "dedi"}, DediClient)])
async def test_a_registry_is_asked_in_its_own_way(
    uow_factory: UnitOfWorkFactory, kind: dict[str, str], directory: type[object]
) -> None:
    peer_keys = open_with(uow_factory, registry_url="https://registry.example.com/dedi", **kind)
    assert isinstance(peer_keys.directory, directory)
    assert peer_keys.watch is not None
    await peer_keys.directory.close()


async def test_a_file_of_subscribers_needs_no_registry(
    uow_factory: UnitOfWorkFactory, database: Database, tmp_path: Path
) -> None:
    path, known = tmp_path / "subscribers.json", record()
    path.write_text(json.dumps([known.to_wire()]))
    peer_keys = open_with(uow_factory, registry_kind="file", subscribers=path)
    assert isinstance(peer_keys.directory, StaticDirectory)
    assert peer_keys.watch is None
    listener = Listener(database)
    async with peer_keys.running(listener):
        ring = peer_keys.keyring
        found = await ring.key_for(subscriber=BPP, key_id="k1", at=SystemClock().now())
        assert found.signing_public_key == known.signing_public_key
        assert await ring.endpoint_of(BPP, SubscriberRole.BPP)


def test_a_file_that_cannot_be_read_stops_the_start(uow_factory: UnitOfWorkFactory, tmp_path: Path) -> None:
    with pytest.raises(SubscribersUnreadable) as refused:
        open_with(uow_factory, registry_kind="file", subscribers=tmp_path / "nowhere.yaml")
    assert refused.value.path == "DEGNODE_SUBSCRIBERS"


async def test_a_registry_in_the_clear_is_believed_only_with_its_key(uow_factory: UnitOfWorkFactory) -> None:
    url = "http://registry.example.com"
    with pytest.raises(DestinationRefused) as refused:
        open_with(uow_factory, registry_url=url)
    assert refused.value.path == "DEGNODE_REGISTRY_URL"
    key = write_public_key(new_private_key().public_key)
    for settings in ({"registry_key": key}, {"reach": "private"}):
        await open_with(uow_factory, registry_url=url, **settings).directory.close()


async def test_what_is_of_no_more_use_is_removed_at_the_start(
    uow_factory: UnitOfWorkFactory, database: Database
) -> None:
    url, now = "https://127.0.0.1:9", SystemClock().now()
    known = KnownKeys(uow_factory, network=url)
    for key_id, age in (("k1", timedelta(minutes=59)), ("k2", timedelta(hours=2))):
        answer = KeyAnswer(
            subscriber=BPP, key_id=key_id, records=(record(key_id),), other_keys=(), until=now - age
        )
        await known.put(answer, now=now)
    async with open_with(uow_factory, registry_url=url).running(Listener(database)):
        assert await known.find(subscriber=BPP, key_id="k1")
        assert await known.find(subscriber=BPP, key_id="k2") is None
