"""What both sides of a trade have in common: how a participant is put together and run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from fastapi import APIRouter

from degnode.roles.first_key import ensure_api_key
from degnode.roles.own_keys import open_own_keys
from degnode.roles.registration import Registration
from degnode.serve import open_database, serve
from degnode.side_door import SideDoor
from kernel.clock import SystemClock
from keystore.store import KEYS_CHANNEL
from node.access_api import access_router
from node.app import ShortWay, create_app
from node.cascade import NO_CASCADE, Cascade
from node.challenge_desk import ChallengeDesk
from node.delivery import OnUndeliverable
from node.ingress import Admission
from node.message import Handler, Preparation
from node.on_subscribe import on_subscribe_router
from node.peers_api import peers_router
from node.runtime import Foundation, Participant, lay_foundation
from node.settings import Settings
from node.telemetry import configure_logging
from node.worker import Runner, Worker
from protocol.actions import Action, Role

_REGISTRATION_RETRY: Final = timedelta(seconds=1)


def _nothing() -> None:
    """Do nothing: most roles have nothing to end before the last request has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleParts:
    """What a role brings along; `on_stop` is called as soon as the process is told to stop.

    `workers` run where workers are wanted, `chores` in every process.
    """

    title: str
    description: str
    handlers: Mapping[Action, Handler]
    preparations: Mapping[Action, Preparation] = field(default_factory=dict)
    routers: Sequence[APIRouter]
    workers: Sequence[Runner] = ()
    chores: Sequence[Worker] = ()
    on_undeliverable: OnUndeliverable | None = None
    admission: Admission | None = None
    cascade: Cascade = NO_CASCADE
    doors: Sequence[SideDoor] = ()
    short_way: ShortWay | None = None
    websockets: bool = False
    on_stop: Callable[[], None] = _nothing


BuildRole = Callable[[Foundation], Awaitable[RoleParts]]


async def run_participant(role: Role, settings: Settings, build: BuildRole) -> None:
    """Run a participant until its process is told to stop."""
    configure_logging(level=settings.log_level, log_format=settings.log_format)
    async with open_database(settings, name=role.value) as database:
        clock = SystemClock()
        foundation = lay_foundation(
            role=role,
            settings=settings,
            database=database,
            clock=clock,
            signers=await open_own_keys(settings, database=database, clock=clock),
        )
        await ensure_api_key(foundation)
        parts = await build(foundation)
        registration = Registration(foundation)
        registering = Worker("registration", registration.step, poll_interval=_REGISTRATION_RETRY)
        foundation.listener.on(KEYS_CHANNEL, registering.wake)
        participant = Participant(
            foundation,
            handlers=parts.handlers,
            preparations=parts.preparations,
            on_undeliverable=parts.on_undeliverable,
            admission=parts.admission,
            cascade=parts.cascade,
            workers=parts.workers,
            chores=(*parts.chores, *((registering,) if registration.wanted else ())),
        )

        async def readiness() -> dict[str, bool]:
            checks = await participant.readiness()
            return checks | ({"registered": registration.done} if registration.wanted else {})

        app = create_app(
            title=parts.title,
            description=parts.description,
            routers=(
                peers_router(uow_factory=foundation.uow_factory, wires=foundation.wires),
                access_router(
                    uow_factory=foundation.uow_factory,
                    clock=clock,
                    api_keys=foundation.api_keys,
                    gate=foundation.access.gate,
                ),
                on_subscribe_router(
                    ChallengeDesk(
                        uow_factory=foundation.uow_factory, keychain=foundation.signers, clock=clock
                    )
                ),
                *parts.routers,
            ),
            api_keys=foundation.api_keys,
            metrics=foundation.metrics,
            readiness=readiness,
            running=participant.running,
            ingress=participant.ingress,
            short_way=parts.short_way,
        )
        await serve(app, settings, on_stop=parts.on_stop, doors=parts.doors, websockets=parts.websockets)
