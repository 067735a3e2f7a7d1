"""What a participant is made of, and in which order it starts and stops.

Two steps, because handlers need what lies below them: first the foundation, then the participant
with the handlers of its role.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from kernel.clock import Clock
from keystore.keychain import Keychain
from node.access import Access, open_access
from node.adapter import Adapter, Put
from node.api_keys import ApiKeys
from node.authentication import Authentication
from node.cascade import NO_CASCADE, Cascade
from node.correspondence import Correspondent
from node.delivery import Delivery, OnUndeliverable
from node.directories import PeerKeys, open_peer_keys
from node.dispatch import Dispatch
from node.evidence import AnswerJudge
from node.gateways import GatewayCheck
from node.ingress import Admission, Ingress
from node.message import Handler, Preparation
from node.peer_pins import PeerPins
from node.rules import load_rulebook
from node.settings import RegistryKind, Settings
from node.telemetry import Metrics
from node.transport import Transport
from node.wires import Wires
from node.worker import Runner, Worker
from protocol.actions import Action, Role
from protocol.profile import PROFILES
from protocol.rulebook import Rulebook
from protocol.tolerance import Tolerance
from registry_client.keyring import KeyRing
from storage.backoff import Backoff
from storage.database import Database
from storage.inbox import INBOX_CHANNEL
from storage.inbox_writer import InboxWriter
from storage.migrate import is_current
from storage.outbox import OUTBOX_CHANNEL
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """Everything of a participant that knows nothing of its role's business."""

    role: Role
    settings: Settings
    clock: Clock
    database: Database
    uow_factory: UnitOfWorkFactory
    listener: Listener
    peer_keys: PeerKeys
    signers: Keychain
    correspondent: Correspondent
    wires: Wires
    rulebook: Rulebook
    access: Access
    metrics: Metrics

    @property
    def keyring(self) -> KeyRing:
        """Return the keys of peers."""
        return self.peer_keys.keyring

    @property
    def api_keys(self) -> ApiKeys:
        """Return the door of the HTTP APIs."""
        return self.access.api_keys

    def adapter(self, put: Put) -> Adapter:
        """Return the common adapter's paths for software on this side."""
        return Adapter(
            correspondent=self.correspondent,
            profiles=self.wires.spoken,
            rulebook=self.rulebook,
            put=put,
            uow_factory=self.uow_factory,
            clock=self.clock,
            max_body_bytes=self.settings.max_body_bytes,
            is_open=self.settings.open_callers,
            check_receiver=self.access.gate.check_receiver,
        )


def lay_foundation(
    *, role: Role, settings: Settings, database: Database, clock: Clock, signers: Keychain
) -> Foundation:
    """Return the foundation of a participant; nothing runs yet."""
    uow_factory = UnitOfWorkFactory(database)
    peer_keys = open_peer_keys(settings, signers=signers, uow_factory=uow_factory, clock=clock)
    pins = PeerPins(settings.peers)
    usual = PROFILES[settings.wire]
    metrics = Metrics()
    return Foundation(
        role=role,
        settings=settings,
        clock=clock,
        database=database,
        uow_factory=uow_factory,
        listener=Listener(database),
        peer_keys=peer_keys,
        signers=signers,
        correspondent=Correspondent(
            role=role,
            subscriber_id=settings.subscriber_id,
            url=str(settings.public_url).rstrip("/"),
            domain=settings.domain,
            profile=usual,
            pins=pins,
            request_ttl=settings.request_ttl,
            callback_ttl=settings.callback_ttl,
            networks=settings.networks,
        ),
        wires=Wires(
            spoken=tuple(PROFILES[name] for name in settings.wires),
            usual=usual,
            pins=pins,
            uow_factory=uow_factory,
        ),
        rulebook=load_rulebook(settings),
        access=open_access(settings, uow_factory=uow_factory, clock=clock, metrics=metrics),
        metrics=metrics,
    )


class Participant:
    """A participant at work: the way in always, the way through and out where workers are wanted."""

    def __init__(  # noqa: PLR0913  the composition's one call
        self,
        foundation: Foundation,
        *,
        handlers: Mapping[Action, Handler],
        preparations: Mapping[Action, Preparation] | None = None,
        on_undeliverable: OnUndeliverable | None = None,
        admission: Admission | None = None,
        cascade: Cascade = NO_CASCADE,
        workers: Sequence[Runner] = (),
        chores: Sequence[Worker] = (),
    ) -> None:
        """Put it together; `workers` run where workers are wanted, `chores` in every process."""
        self.foundation = foundation
        settings = foundation.settings
        backoff = Backoff(first=settings.backoff_first, longest=settings.backoff_longest)
        self.writer = InboxWriter(foundation.database)
        self.ingress = self._make_ingress(admission, cascade)
        self.dispatch = Dispatch(
            role=foundation.role,
            handlers=handlers,
            preparations=preparations or {},
            uow_factory=foundation.uow_factory,
            correspondent=foundation.correspondent,
            rulebook=foundation.rulebook,
            clock=foundation.clock,
            metrics=foundation.metrics,
            lease=settings.lease,
            concurrency=settings.concurrency,
            max_attempts=settings.handler_attempts,
            backoff=backoff,
            cascade=cascade,
        )
        self.transport = Transport(
            timeout=settings.delivery_timeout, reach=settings.reaching, clock=foundation.clock
        )
        self.delivery = Delivery(
            uow_factory=foundation.uow_factory,
            transport=self.transport,
            signers=foundation.signers,
            clock=foundation.clock,
            metrics=foundation.metrics,
            judge=AnswerJudge(keyring=foundation.keyring, clock=foundation.clock),
            check_receiver=foundation.access.gate.check_receiver,
            on_undeliverable=on_undeliverable,
            may_be_unheard_of=foundation.signers.may_be_unheard_of,
            lease=settings.lease + settings.delivery_timeout,
            concurrency=settings.concurrency,
            per_peer=settings.per_peer,
            backoff=backoff,
        )
        self._role_workers = workers
        self._chores = chores

    def _make_ingress(self, admission: Admission | None, cascade: Cascade) -> Ingress:
        foundation, settings = self.foundation, self.foundation.settings
        return Ingress(
            role=foundation.role,
            subscriber_id=settings.subscriber_id,
            profiles=foundation.wires.spoken,
            signers=foundation.signers,
            authentication=Authentication(
                keyring=foundation.keyring,
                sent_authorizations=self._sent_authorizations,
                tolerance=Tolerance(
                    bare=settings.bare_signatures,
                    record_keys=settings.registry_kind is RegistryKind.DEDI,
                ),
            ),
            writer=self.writer,
            admission=admission,
            gateways=GatewayCheck(keyring=foundation.keyring),
            pins=foundation.wires.pins,
            gate=foundation.access.gate,
            rates=foundation.access.rates,
            rulebook=foundation.rulebook,
            clock=foundation.clock,
            metrics=foundation.metrics,
            max_body_bytes=settings.max_body_bytes,
            reach=settings.reaching,
            networks=frozenset(settings.networks),
            cascade=cascade,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything in order; at the end stop taking in, finish what is under way, close."""
        foundation, settings = self.foundation, self.foundation.settings
        async with AsyncExitStack() as stack:
            stack.push_async_callback(foundation.database.close)
            await stack.enter_async_context(foundation.peer_keys.running(foundation.listener))
            await stack.enter_async_context(foundation.access.running(foundation.listener))
            await stack.enter_async_context(self.transport)
            if settings.workers:
                self._start_workers(stack)
            for chore in self._chores:
                chore.start()
                stack.push_async_callback(chore.stop)
            foundation.signers.listen_on(foundation.listener)
            stack.push_async_callback(foundation.signers.close)
            stack.push_async_callback(foundation.listener.stop)
            await foundation.listener.start()
            self.writer.start()
            stack.push_async_callback(self.writer.stop)
            log.info("node.started", role=foundation.role.value, subscriber=settings.subscriber_id)
            yield
            log.info("node.stopping", role=foundation.role.value)

    def _start_workers(self, stack: AsyncExitStack) -> None:
        listener, poll = self.foundation.listener, self.foundation.settings.poll_interval
        dispatching = Worker("dispatch", self.dispatch.step, poll_interval=poll)
        delivering = Worker("delivery", self.delivery.step, poll_interval=poll)
        listener.on(INBOX_CHANNEL, dispatching.wake)
        listener.on(OUTBOX_CHANNEL, delivering.wake)
        self.delivery.wake = delivering.wake
        stack.push_async_callback(self.delivery.drain)
        for worker in (delivering, dispatching, *self._role_workers):
            worker.start()
            stack.push_async_callback(worker.stop)

    async def readiness(self) -> dict[str, bool]:
        """Say of the database and its schema whether they are there."""
        database = self.foundation.database
        reachable = await database.is_ready()
        return {"database": reachable, "schema": reachable and await is_current(database)}

    async def _sent_authorizations(self, *, message_id: str, action: str) -> list[str]:
        async with self.foundation.uow_factory() as uow:
            return await uow.outbox.find_authorizations(message_id=message_id, action=action)
