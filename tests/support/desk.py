"""A BPP's way through, its inbox to be filled and its outbox to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from kernel.clock import ManualClock
from node.correspondence import Correspondent, Peer
from node.dispatch import Dispatch
from node.message import Handler, Inbound
from node.telemetry import Metrics
from protocol.actions import Action, Role
from protocol.keys import new_private_key
from protocol.profile import V2_RC
from protocol.rulebook import make_rulebook
from protocol.signing import Signer, digest
from storage.backoff import Backoff
from storage.database import Database
from storage.inbox_writer import Arrival, InboxWriter
from storage.outbox import Outgoing
from storage.peers import record_failure
from storage.tables import inbox, outbox, peers
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.outgoing import NOW
from tests.support.participants import all_handlers, ignore
from tests.support.rc_examples import example

BAP = Peer(subscriber_id="bap.example.com", url="https://bap.example.com")
BPP = Peer(subscriber_id="bpp.example.com", url="https://bpp.example.com")
CONFIRM: dict[str, Any] = example("confirm")["message"]
ON_CONFIRM: dict[str, Any] = example("on_confirm")["message"]
SIGNER = Signer(subscriber_id=BAP.subscriber_id, key_id="k1", private_key=new_private_key())
LEASE = timedelta(seconds=30)


def correspondent(role: Role) -> Correspondent:
    me = BAP if role is Role.BAP else BPP
    return Correspondent(
        role=role,
        subscriber_id=me.subscriber_id,
        url=me.url,
        domain="energy-trade",
        profile=V2_RC,
        request_ttl=timedelta(seconds=30),
        callback_ttl=timedelta(hours=24),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The way through of a BPP, and the ways to fill its inbox and to look at what came of it."""

    database: Database
    uow_factory: UnitOfWorkFactory
    clock: ManualClock
    metrics: Metrics

    def dispatch(self, handlers: Mapping[Action, Handler], **changes: Any) -> Dispatch:
        """Return the BPP's way through, which ignores what has no handler here."""
        return self.dispatch_of(Role.BPP, all_handlers(Role.BPP, ignore, handlers), **changes)

    def dispatch_of(self, role: Role, handlers: Mapping[Action, Handler], **changes: Any) -> Dispatch:
        """Return the way through of a role with these handlers and no other."""
        return Dispatch(
            role=role,
            handlers=handlers,
            uow_factory=self.uow_factory,
            correspondent=correspondent(Role.BPP),
            rulebook=make_rulebook(),
            clock=self.clock,
            metrics=self.metrics,
            lease=LEASE,
            backoff=Backoff(first=timedelta(seconds=1)),
            **changes,
        )

    def write(self, transaction_id: str = "t-1") -> Outgoing:
        return correspondent(Role.BAP).request(
            Action.CONFIRM, to=BPP, message=CONFIRM, transaction_id=transaction_id, now=NOW
        )

    async def receive(self, *messages: Outgoing, body: bytes | None = None) -> None:
        writer = InboxWriter(self.database)
        writer.start()
        for message in messages:
            raw = message.body if body is None else body
            await writer.store(
                Arrival(
                    profile=message.profile,
                    action=message.action,
                    sender=BAP.subscriber_id,
                    message_id=message.message_id,
                    transaction_id=message.transaction_id,
                    body=raw,
                    body_digest=digest(raw),
                    authorization=SIGNER.sign(raw, now=NOW, label="BLAKE-512"),
                    received_at=NOW,
                )
            )
        await writer.stop()

    async def received(self) -> list[Any]:
        async with self.uow_factory() as uow:
            return list((await uow.connection.execute(select(inbox).order_by(inbox.c.id))).all())

    async def callbacks(self) -> list[Any]:
        async with self.uow_factory() as uow:
            return list((await uow.connection.execute(select(outbox).order_by(outbox.c.id))).all())

    async def marks(self) -> int:
        """Return how many changes of `mark` have stayed."""
        async with self.uow_factory() as uow:
            found = await uow.connection.execute(select(func.count()).where(peers.c.last_error == "mark"))
            return found.scalar_one()

    def counted(self, outcome: str) -> float | None:
        labels = {"action": "confirm", "outcome": outcome}
        return self.metrics.registry.get_sample_value("degnode_messages_handled_total", labels)


async def mark(uow: UnitOfWork, name: str = "anybody") -> None:
    """Change something, as a handler would."""
    await record_failure(
        uow.connection, subscriber_id=name, error="mark", tried_at=NOW, now=NOW, backoff=Backoff()
    )


async def mark_and_answer(_inbound: Inbound, uow: UnitOfWork, _now: datetime) -> Mapping[str, Any]:
    await mark(uow)
    return ON_CONFIRM
