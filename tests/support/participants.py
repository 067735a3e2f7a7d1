"""Whole participants in the test's own process: real database, real registry, real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
from starlette.types import ASGIApp, Receive, Scope, Send

from degnode.roles.own_keys import open_own_keys
from degnode.roles.participant import BuildRole, RoleParts
from kernel.clock import Clock, SystemClock
from node.access_api import access_router
from node.adapter import Put
from node.app import create_app
from node.correspondence import Peer
from node.delivery import OnUndeliverable
from node.message import Handler, Inbound
from node.peers_api import peers_router
from node.runtime import Foundation, Participant, lay_foundation
from node.settings import Settings
from protocol.actions import HANDLED_BY, Action, Role
from protocol.signing import Signer
from registry_client.subscriber import SubscriberRecord, SubscriberRole
from storage.database import Database
from storage.outbox import Outgoing
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.calling import PATIENCE, enter_by_token
from tests.support.loopback_server import LoopbackServer
from tests.support.registries import registry_app
from tests.support.simulated_peer import DOMAIN

API_KEY: Final = "dgn_test"
_TOKEN: Final = "let-me-in"


@asynccontextmanager
async def fresh_database(postgres_url: str, template_url: str) -> AsyncIterator[Database]:
    """Yield one more database of a test's own, with every table."""
    name, template = f"test_{uuid4().hex[:12]}", template_url.rpartition("/")[2].partition("?")[0]
    server = await asyncpg.connect(postgres_url)
    try:
        await server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        database = Database.connect(template_url.replace(template, name))
        yield database
        await database.close()
        await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await server.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRegistry:
    """The project's own registry behind a socket."""

    server: LoopbackServer
    token: str = _TOKEN

    @property
    def url(self) -> str:
        return self.server.url


@asynccontextmanager
async def running_registry(
    database: Database, *, clock: Clock | None = None
) -> AsyncIterator[RunningRegistry]:
    """Serve a registry over `database`, which may be a participant's own."""
    app = registry_app(UnitOfWorkFactory(database), clock=clock, token=_TOKEN)
    async with LoopbackServer(app) as server:
        yield RunningRegistry(server=server)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningParticipant:
    """A participant at work, and where it is reached."""

    participant: Participant
    server: LoopbackServer

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def address(self) -> Peer:
        return Peer(subscriber_id=self.signer.subscriber_id, url=self.url)

    @property
    def signer(self) -> Signer:
        foundation = self.participant.foundation
        return foundation.signers.at(foundation.clock.now())

    @property
    def uow_factory(self) -> UnitOfWorkFactory:
        return self.participant.foundation.uow_factory

    async def request(
        self, action: Action, message: Mapping[str, Any], *, to: Peer, transaction_id: str = "t-1"
    ) -> str:
        """Put a message of its own into its outbox; return the message id."""
        foundation = self.participant.foundation
        role = foundation.role
        write = foundation.correspondent.request if role is Role.BAP else foundation.correspondent.unsolicited
        outgoing = write(
            action, to=to, message=message, transaction_id=transaction_id, now=foundation.clock.now()
        )
        async with self.uow_factory() as uow:
            await uow.outbox.put(outgoing)
        return outgoing.message_id


async def stop_all(*servers: LoopbackServer) -> None:
    """Stop servers at the same time, for each takes a while."""
    await asyncio.gather(*(server.stop() for server in servers))


class _Late:
    """An application that is known only after its address is."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


async def _put(uow: UnitOfWork, outgoing: Outgoing, _to: Peer, _requested_by: str) -> None:
    await uow.outbox.put(outgoing)


async def _enter(foundation: Foundation, registry: RunningRegistry) -> None:
    """Enter the participant in the registry with the key that it signs with."""
    signer = foundation.signers.at(foundation.clock.now())
    record = SubscriberRecord(
        subscriber_id=signer.subscriber_id,
        key_id=signer.key_id,
        signing_public_key=signer.public_key,
        url=foundation.correspondent.url,
        role=SubscriberRole(foundation.role.subscribes_as.upper()),
        domain=foundation.settings.domain,
    )
    await enter_by_token(registry.url, record=record, token=registry.token)


_USUAL: Final[Mapping[str, Any]] = {
    "domain": DOMAIN,
    "api_key": API_KEY,
    "registry_timeout": PATIENCE,
    "poll_interval": 0.05,  # s
    "key_watch": False,  # a call that waits would keep a registry from stopping
    "backoff_first": 0.02,  # s
}


def _app(participant: Participant, parts: RoleParts) -> ASGIApp:
    foundation = participant.foundation
    return create_app(
        title=parts.title,
        description=parts.description,
        routers=[
            access_router(
                uow_factory=foundation.uow_factory,
                clock=foundation.clock,
                api_keys=foundation.api_keys,
                gate=foundation.access.gate,
            ),
            *parts.routers,
            peers_router(uow_factory=foundation.uow_factory, wires=foundation.wires),
        ],
        api_keys=foundation.api_keys,
        metrics=foundation.metrics,
        readiness=participant.readiness,
        running=nullcontext,
        ingress=participant.ingress,
    )


@asynccontextmanager
async def running_participant(
    *,
    role: Role,
    subscriber_id: str,
    database: Database,
    registry: RunningRegistry,
    data_dir: Path,
    handlers: Mapping[Action, Handler] | None = None,
    on_undeliverable: OnUndeliverable | None = None,
    clock: Clock | None = None,
    put: Put = _put,
    build: BuildRole | None = None,
    **settings: Any,
) -> AsyncIterator[RunningParticipant]:
    """Run a participant that has entered itself in the registry; `settings` are those of `Settings`.

    `put` is what its adapter's paths do with a message; `build` makes a real role, in place of handlers.
    """
    late = _Late()
    async with LoopbackServer(late) as server:
        values: dict[str, Any] = {
            "subscriber_id": subscriber_id,
            "public_url": server.url,
            "registry_url": registry.url,
            "data_dir": data_dir / subscriber_id,
        }
        told, clock = Settings(**{**values, **_USUAL, **settings}), clock or SystemClock()
        foundation = lay_foundation(
            role=role,
            settings=told,
            database=database,
            clock=clock,
            signers=await open_own_keys(told, database=database, clock=clock),
        )
        await _enter(foundation, registry)
        parts = RoleParts(
            title=subscriber_id,
            description="for tests",
            handlers=handlers or all_handlers(role, ignore),
            routers=[] if build else [foundation.adapter(put).router()],
            on_undeliverable=on_undeliverable,
        )
        if build is not None:
            parts = await build(foundation)
        participant = Participant(
            foundation,
            handlers=parts.handlers,
            preparations=parts.preparations,
            on_undeliverable=parts.on_undeliverable,
            admission=parts.admission,
            cascade=parts.cascade,
            workers=parts.workers,
        )
        async with participant.running():
            late.app = _app(participant, parts)
            yield RunningParticipant(participant=participant, server=server)
            await server.stop()


def all_handlers(
    role: Role, default: Handler, changes: Mapping[Action, Handler] | None = None
) -> dict[Action, Handler]:
    """Return a handler for every action of a role."""
    return dict.fromkeys(HANDLED_BY[role], default) | dict(changes or {})


async def ignore(_inbound: Inbound, _uow: UnitOfWork, _now: datetime) -> None:
    """Do nothing with a message and answer nothing."""


class RecordingHandler:
    """Keeps the messages that it is handed, and answers requests with `content`."""

    def __init__(self, content: Mapping[str, Any] | None = None) -> None:
        self.handled: list[Inbound] = []
        self.content = content

    async def __call__(self, inbound: Inbound, _uow: UnitOfWork, _now: datetime) -> Mapping[str, Any] | None:
        self.handled.append(inbound)
        return self.content
