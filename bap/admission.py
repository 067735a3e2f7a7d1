"""Which callbacks are taken: answers to requests of ours, and news of a confirmed transaction.

The rules of NFH-007: a solicited callback bears the message id of the request it answers; one on
the seller's own initiative bears a new id and belongs to a transaction that was confirmed. A search
that went to a gateway is answered by every seller that it reached, through the gateway or directly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bap.transactions import Transactions
from kernel.errors import NodeError
from protocol.actions import REQUEST_OF, TRADE, Action
from protocol.context import Context
from protocol.profile import Profile
from storage.unit_of_work import UnitOfWorkFactory

_UNSOLICITED: Final = frozenset(exchange.callback for exchange in TRADE if exchange.unsolicited)


class TransactionUnknown(NodeError):
    """The callback belongs to no transaction of this node with its sender."""

    code, http_status, retryable = "CTX_TRANSACTION_ID_UNKNOWN", 400, False


class NothingAsked(NodeError):
    """The callback answers no request of this node and is none that may come unasked."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


class NotConfirmed(NodeError):
    """The callback tells of a transaction that was never confirmed."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


async def answers_a_call(
    action: Action, context: Context, sender: str, transactions: Transactions, *, profile: Profile
) -> bool:
    """Say whether a callback answers a request of ours; False if it comes unasked, and may.

    Raises: TransactionUnknown, NothingAsked, NotConfirmed.
    """
    call = await transactions.find_call(context.message_id)
    if call is not None and call.transaction_id == context.transaction_id and call.awaits(action, of=sender):
        return True
    called = await transactions.find_called(sender, transaction_id=context.transaction_id)
    if not called:
        raise TransactionUnknown(
            f"{sender} was never asked anything in transaction {context.transaction_id}",
            path=f"$.context.{profile.keys.transaction_id}",
            hint="Send the transaction id of the request that is meant.",
        )
    if action not in _UNSOLICITED:
        raise NothingAsked(
            f"no {REQUEST_OF[action]} was sent under this message id",
            path=f"$.context.{profile.keys.message_id}",
            hint="Answer under the message id of the request.",
        )
    if Action.CONFIRM not in called:
        raise NotConfirmed(
            "nothing is told unasked of a transaction before it is confirmed",
            path=f"$.context.{profile.keys.transaction_id}",
            hint="Answer under the message id of the request, or wait for confirm.",
        )
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The same at the door: a callback that may not come is refused before it is acknowledged."""

    uow_factory: UnitOfWorkFactory

    async def __call__(
        self, action: Action, context: Context, sender: str, profile: Profile, _raw: bytes, /
    ) -> None:
        """Raises: TransactionUnknown, NothingAsked, NotConfirmed."""
        async with self.uow_factory() as uow:
            await answers_a_call(action, context, sender, Transactions(uow), profile=profile)
