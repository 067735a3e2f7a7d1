"""A whole participant: how it is composed, whether it is ready, how it starts and stops."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from degnode.roles.own_keys import open_own_keys
from kernel.clock import SystemClock
from keystore.keychain import Keychain
from keystore.local_key_manager import LocalKeyManager
from keystore.rotation import make_next_key_set, revoke, rotate
from keystore.store import record_announced
from node.directories import RedisUrlInvalid
from node.runtime import Participant, lay_foundation
from node.settings import Settings
from node.worker import Worker
from protocol.actions import Action, Role
from storage.database import Database, create_database
from storage.migrate import migrate
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.calling import calling
from tests.support.participants import (
    API_KEY,
    RecordingHandler,
    all_handlers,
    ignore,
    running_participant,
)
from tests.support.rc_examples import example
from tests.support.village import running_village
from tests.support.waiting import eventually

BPP_ID = "bpp.example.com"


def settings(data_dir: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "subscriber_id": BPP_ID,
        "public_url": "https://bpp.example.com/",
        "registry_url": "https://registry.example.com",
        "data_dir": data_dir,
    }
    return Settings(**values | changes)


def no_keys(database: Database) -> Keychain:
    """Return a keychain that was not read: for what signs nothing."""
    return Keychain(
        subscriber_id=BPP_ID,
        uow_factory=UnitOfWorkFactory(database),
        key_manager=LocalKeyManager([bytes(32)]),
        clock=SystemClock(),
    )


async def test_the_foundation_follows_the_settings(database: Database, tmp_path: Path) -> None:
    told = settings(tmp_path, key_id="k7", redis_url="redis://127.0.0.1:9/0", signature_validity=60)
    clock = SystemClock()
    foundation = lay_foundation(
        role=Role.BPP,
        settings=told,
        database=database,
        clock=clock,
        signers=await open_own_keys(told, database=database, clock=clock),
    )
    signer = foundation.signers.at(foundation.clock.now())
    assert (signer.subscriber_id, signer.key_id) == (BPP_ID, "k7")
    assert signer.validity == timedelta(minutes=1)
    assert foundation.correspondent.url == "https://bpp.example.com"
    assert foundation.peer_keys.shared_cache is not None
    async with Participant(foundation, handlers=all_handlers(Role.BPP, ignore)).running():
        pass  # and Redis, which is not there, is in nobody's way


async def test_a_participant_is_ready_with_its_schema_and_not_without(
    postgres_url: str, tmp_path: Path
) -> None:
    database = Database.connect(await create_database(postgres_url, "not_ready_yet"))
    foundation = lay_foundation(
        role=Role.BPP,
        settings=settings(tmp_path),
        database=database,
        clock=SystemClock(),
        signers=no_keys(database),
    )
    participant = Participant(foundation, handlers=all_handlers(Role.BPP, ignore))
    assert await participant.readiness() == {"database": True, "schema": False}
    await migrate(database)
    assert await participant.readiness() == {"database": True, "schema": True}
    await database.close()
    server = await asyncpg.connect(postgres_url)
    await server.execute("DROP DATABASE not_ready_yet WITH (FORCE)")
    await server.close()
    assert await participant.readiness() == {"database": False, "schema": False}
    await foundation.peer_keys.directory.close()


@pytest.mark.parametrize("workers", [True, False])
async def test_workers_run_where_they_are_wanted_and_chores_everywhere(
    database: Database, tmp_path: Path, *, workers: bool
) -> None:
    billing, registering = asyncio.Event(), asyncio.Event()

    def worker(called: asyncio.Event) -> Worker:
        async def step() -> bool:
            called.set()
            return False

        return Worker("test", step, poll_interval=timedelta(hours=1))

    foundation = lay_foundation(
        role=Role.BAP,
        settings=settings(tmp_path, workers=workers),
        database=database,
        clock=SystemClock(),
        signers=no_keys(database),
    )
    participant = Participant(
        foundation,
        handlers=all_handlers(Role.BAP, ignore),
        workers=[worker(billing)],
        chores=[worker(registering)],
    )
    async with participant.running(), asyncio.timeout(20):
        await registering.wait()
        if workers:
            await billing.wait()
    assert billing.is_set() == workers


async def test_what_was_taken_before_a_stop_is_handled_and_delivered_after_the_next_start(
    database: Database, tmp_path: Path
) -> None:
    handler = RecordingHandler(example("on_confirm")["message"])
    async with running_village(database, tmp_path) as village:
        buyer = await village.peer(Role.BAP, "bap.example.com")
        common: dict[str, Any] = {
            "role": Role.BPP,
            "subscriber_id": BPP_ID,
            "database": database,
            "data_dir": tmp_path,
            "registry": village.registry,
            "handlers": all_handlers(Role.BPP, ignore, {Action.CONFIRM: handler}),
        }
        async with running_participant(**common, workers=False) as bpp:
            response = await buyer.send(Action.CONFIRM, example("confirm")["message"], to=bpp.address)
            assert (response.status_code, handler.handled) == (200, [])
        async with running_participant(**common):
            (callback,) = await buyer.wait_for(Action.ON_CONFIRM)
    assert len(handler.handled) == len(buyer.received) == 1
    assert callback.document["context"]["message_id"] == handler.handled[0].context.message_id


async def test_beside_the_protocol_the_application_answers(database: Database, tmp_path: Path) -> None:
    async with running_village(database, tmp_path) as village:
        bpp = await village.participant(Role.BPP, BPP_ID)
        client = await village.stack.enter_async_context(calling(base_url=bpp.url))
        assert (await client.get("/healthz")).json() == {"status": "live"}
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers={"X-Api-Key": API_KEY})).status_code == 200
        assert (await client.get("/becknology")).status_code == 404
        assert "ack_status" in (await client.get("/beckn/")).json()


async def test_a_lost_connection_of_every_kind_is_survived(database: Database, tmp_path: Path) -> None:
    handler = RecordingHandler(example("on_confirm")["message"])
    async with running_village(database, tmp_path) as village:
        buyer = await village.peer(Role.BAP, "bap.example.com")
        handlers = all_handlers(Role.BPP, ignore, {Action.CONFIRM: handler})
        bpp = await village.participant(Role.BPP, BPP_ID, handlers=handlers)
        send = buyer.write(Action.CONFIRM, example("confirm")["message"], to=bpp.address)
        raw = await database.raw_connection()
        await raw.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await raw.close()

        async def post() -> int:
            return (await buyer.post(send.url, send.body)).status_code

        await eventually(post, 200)
        await buyer.wait_for(Action.ON_CONFIRM)
        async with UnitOfWorkFactory(database)() as uow:
            count = await uow.connection.scalar(text("SELECT count(*) FROM inbox"))
    assert (count, len(buyer.received)) == (1, 1)


async def test_a_running_participant_changes_its_key_as_soon_as_another_process_says_so(
    database: Database, tmp_path: Path
) -> None:
    async with running_village(database, tmp_path) as village:
        bpp = await village.participant(Role.BPP, BPP_ID)
        keys, clock = bpp.participant.foundation.signers, SystemClock()
        new = await make_next_key_set(
            bpp.uow_factory,
            subscriber_id=keys.subscriber_id,
            key_manager=keys.key_manager,
            now=clock.now(),
        )

        async def signing() -> str:
            return bpp.signer.key_id

        assert await signing() == "k1"
        async with bpp.uow_factory() as uow:
            await rotate(uow, new=new)
            await record_announced(uow, [new], now=clock.now())
        await eventually(signing, "k2")
        async with bpp.uow_factory() as uow:
            await revoke(uow, subscriber_id=keys.subscriber_id, key_id="k2", why="lost", now=clock.now())
        await eventually(signing, "k1")


def test_a_redis_url_that_cannot_be_read_is_told_without_its_password(
    database: Database, tmp_path: Path
) -> None:
    settings = Settings(
        subscriber_id="bap.example",
        public_url="http://127.0.0.1:1",
        registry_url="http://127.0.0.1:2",
        data_dir=tmp_path,
        redis_url="hunter2://localhost",
    )
    with pytest.raises(RedisUrlInvalid) as refused:
        lay_foundation(
            role=Role.BAP,
            settings=settings,
            database=database,
            clock=SystemClock(),
            signers=no_keys(database),
        )
    assert "hunter2" not in str(refused.value)
    assert refused.value.path == "DEGNODE_REDIS_URL"
