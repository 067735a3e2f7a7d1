"""Where the buyer's side of every trade is kept: calls, messages, and the order as stated last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import simplejson
from sqlalchemy import CursorResult, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bap.events import EVENTS_CHANNEL
from bap.order import Order, Statement
from bap.tables import CallState, Direction, bap_calls, bap_messages, bap_transactions
from kernel.errors import NodeError
from node.correspondence import Peer
from node.message import Inbound
from protocol.actions import REQUEST_OF, Action
from protocol.errors import WireError
from storage.outbox import Outgoing
from storage.unit_of_work import UnitOfWork

_ARRIVALS: Final = 0x6465_676E_6F64_6501  # the advisory lock under which arrivals are numbered


class TransactionTaken(NodeError):
    """The transaction already has an order with another seller's platform."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of ours: what it asked, whom, and how far it has come.

    One `to_all` went to a gateway: whoever it was passed on to answers.
    """

    message_id: str
    transaction_id: str
    action: Action
    bpp_id: str
    to_all: bool
    state: CallState
    error: WireError | None

    def awaits(self, action: Action, *, of: str) -> bool:
        """Say whether `action` from the platform `of` answers it."""
        return self.action is REQUEST_OF[action] and (self.to_all or self.bpp_id == of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whom a transaction is with, and when its order was stated last, if it has one."""

    bpp_id: str
    stated: Statement | None

    def is_moved_by(self, stated: Statement, *, by: str) -> bool:
        """Say whether an order that `by` stated then takes the place of the known one."""
        return by == self.bpp_id and (self.stated is None or not stated.is_older_than(self.stated))


class Transactions:
    """The buyer's records within one unit of work."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._connection = uow.connection

    async def record_call(
        self, outgoing: Outgoing, *, to: Peer, requested_by: str, to_all: bool = False
    ) -> None:
        """Record a request that leaves with this unit of work, and open its transaction if it is new.

        Raises: TransactionTaken.
        """
        await self._open(outgoing.transaction_id, to=to, now=outgoing.created_at)
        await self._connection.execute(
            insert(bap_calls).values(
                message_id=outgoing.message_id,
                transaction_id=outgoing.transaction_id,
                action=outgoing.action,
                bpp_id=to.subscriber_id,
                bpp_url=to.url,
                to_all=to_all,
                requested_by=requested_by,
                requested_at=outgoing.created_at,
                expires_at=outgoing.expires_at,
            )
        )
        await self._connection.execute(
            insert(bap_messages).values(
                transaction_id=outgoing.transaction_id,
                message_id=outgoing.message_id,
                action=outgoing.action,
                direction=Direction.OUT,
                at=outgoing.created_at,
                document=simplejson.loads(outgoing.body, use_decimal=True),
            )
        )

    async def record_arrival(self, inbound: Inbound, *, now: datetime) -> None:
        """Record a callback; the last thing of a unit of work, because arrivals queue up for it.

        Arrivals become visible in the order of their numbers, so that a reader who has seen one has
        missed none before it. The lock is held until the unit of work ends.
        """
        await self._connection.execute(
            update(bap_transactions)
            .where(bap_transactions.c.transaction_id == inbound.transaction_id)
            .values(updated_at=now)
        )
        await self.queue_up()
        await self._connection.execute(
            insert(bap_messages).values(
                transaction_id=inbound.transaction_id,
                message_id=inbound.context.message_id,
                action=inbound.action,
                direction=Direction.IN,
                at=now,
                document=simplejson.loads(inbound.raw, use_decimal=True),
                error=None if inbound.error is None else inbound.error.to_wire(),
            )
        )
        await self.announce(inbound.transaction_id)

    async def queue_up(self) -> None:
        """Let nobody else number an arrival until this unit of work ends."""
        await self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ARRIVALS})

    async def announce(self, transaction_id: str) -> None:
        """Tell those who wait that there is news of the transaction."""
        await self._uow.announce(EVENTS_CHANNEL, transaction_id)

    async def lock(self, transaction_id: str) -> Standing | None:
        """Hold the transaction until the unit of work ends and return how it stands."""
        table = bap_transactions.c
        rows = await self._connection.execute(
            select(table.bpp_id, table.order_stated_at, table.contract_updated_at)
            .where(table.transaction_id == transaction_id)
            .with_for_update()
        )
        row = rows.one_or_none()
        if row is None:
            return None
        if row.order_stated_at is None:
            return Standing(bpp_id=row.bpp_id, stated=None)
        stated = Statement(at=row.order_stated_at, contract_updated_at=row.contract_updated_at)
        return Standing(bpp_id=row.bpp_id, stated=stated)

    async def find_call(self, message_id: str) -> Call | None:
        """Return the request of ours under that message id."""
        columns = (bap_calls.c[name] for name in Call.__dataclass_fields__)
        rows = await self._connection.execute(select(*columns).where(bap_calls.c.message_id == message_id))
        row = rows.mappings().one_or_none()
        if row is None:
            return None
        error = None if row["error"] is None else WireError.from_wire(row["error"])
        return Call(
            **{**row, "action": Action(row["action"]), "state": CallState(row["state"]), "error": error}
        )

    async def find_called(self, bpp_id: str, *, transaction_id: str) -> frozenset[Action]:
        """Return what that platform was ever asked in the transaction."""
        rows = await self._connection.execute(
            select(bap_calls.c.action)
            .where(bap_calls.c.transaction_id == transaction_id, bap_calls.c.bpp_id == bpp_id)
            .distinct()
        )
        return frozenset(map(Action, rows.scalars()))

    async def end_call(
        self, message_id: str, state: CallState, *, now: datetime, error: WireError | None = None
    ) -> bool:
        """Record how a request ended; False when it is none of ours or was answered already.

        An answer counts even after the request was given up: it is the better evidence.
        """
        result: CursorResult[Any] = await self._connection.execute(
            update(bap_calls)
            .where(bap_calls.c.message_id == message_id, bap_calls.c.state != CallState.ANSWERED)
            .values(state=state, ended_at=now, error=None if error is None else error.to_wire())
        )
        return result.rowcount == 1

    async def save_order(self, order: Order, *, transaction_id: str, stated: Statement, profile: str) -> None:
        """Keep the order as the last that was stated; the transaction must be locked."""
        await self._connection.execute(
            update(bap_transactions)
            .where(bap_transactions.c.transaction_id == transaction_id)
            .values(
                order_id=order.id,
                order=order.document,
                profile=profile,
                order_status=order.status,
                contract_status=order.contract_status,
                order_stated_at=stated.at,
                contract_updated_at=stated.contract_updated_at,
            )
        )

    async def _open(self, transaction_id: str, *, to: Peer, now: datetime) -> None:
        table = bap_transactions
        statement = upsert(table).values(
            transaction_id=transaction_id,
            bpp_id=to.subscriber_id,
            bpp_url=to.url,
            created_at=now,
            updated_at=now,
        )
        opened = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[table.c.transaction_id],
                set_={
                    "bpp_id": to.subscriber_id,
                    "bpp_url": to.url,
                    "updated_at": func.greatest(table.c.updated_at, now),
                },
                where=(table.c.order_stated_at.is_(None)) | (table.c.bpp_id == to.subscriber_id),
            ).returning(table.c.transaction_id)
        )
        if opened.first() is None:
            raise TransactionTaken(
                f"transaction {transaction_id} already has an order with another platform",
                path="$.transaction_id",
                hint="Leave transaction_id out to begin a new transaction.",
            )
