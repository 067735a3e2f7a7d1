"""How long a utility is told again what nobody waits for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from bpp.cascade.questions import Question, QuestionState, QuestionStore
from protocol.errors import WireError
from storage.backoff import Backoff
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(days=1)
_OF_THE_NETWORK: Final = "NET_"
_NOTHING_LEFT: Final = frozenset({"BIZ_ALREADY_CANCELLED", "BIZ_ORDER_NOT_FOUND"})
"""What a utility says that has nothing to forget, or to change, any more."""
BACKOFF: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=10))


async def ask_again(question: Question, uow: UnitOfWork, *, now: datetime) -> None:
    """Have a notice sent again after a while; after a day an operator has to see to it."""
    store = QuestionStore(uow.connection)
    if now >= question.created_at + PATIENCE:
        await store.close(question, QuestionState.SILENT, now=now)
        log.error(
            "cascade.utility_not_told",
            contract=question.contract_id,
            utility=question.utility_id,
            action=question.action.value,
        )
        return
    await store.put_off(question, due_at=now + BACKOFF.after(question.tries))


async def end_notice(question: Question, error: WireError, uow: UnitOfWork, *, now: datetime) -> None:
    """Take a utility's no to a notice: tell it again if that may help, else have an operator see to it."""
    if error.code.startswith(_OF_THE_NETWORK):
        await ask_again(question, uow, now=now)
        return
    await QuestionStore(uow.connection).close(question, QuestionState.REFUSED, now=now, error=error)
    if error.code not in _NOTHING_LEFT:
        log.error(
            "cascade.notice_refused",
            contract=question.contract_id,
            utility=question.utility_id,
            action=question.action.value,
            code=error.code,
        )
