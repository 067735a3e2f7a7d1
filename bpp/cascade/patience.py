"""How long a utility is told again what nobody waits for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from bpp.cascade.questions import Question, QuestionState, QuestionStore
from storage.backoff import Backoff
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(days=1)
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
