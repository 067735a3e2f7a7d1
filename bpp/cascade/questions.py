"""What utilities are asked, within one transaction.

Whoever changes questions of a contract has locked the contract before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, insert, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bpp.cascade.tables import utility_questions
from node.message import Inbound
from protocol.actions import Action
from protocol.errors import WireError
from trading.grid import GridGrant, GridRequest
from trading.grid_records import grant_from_record, grant_to_record, request_from_record, request_to_record
from trading.grid_statement import UtilityStatement
from trading.grid_statement_records import cut_from_record, cut_to_record

_COLUMNS: Final = utility_questions.c


class QuestionState(StrEnum):
    """How far a question has come."""

    DUE = "DUE"  # it is to be sent
    ASKED = "ASKED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    SILENT = "SILENT"  # no answer came in time
    WITHDRAWN = "WITHDRAWN"  # nobody waits for the answer any more


OPEN: Final = (QuestionState.DUE, QuestionState.ASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The request of a buyer that is answered once the utilities have answered, or a seller's consent.

    A consent, to what the buyer proposed, is an on_update of our own that waits.
    """

    sender: str
    message_id: str
    action: Action

    @classmethod
    def of(cls, inbound: Inbound) -> Waiting:
        return cls(sender=inbound.sender, message_id=inbound.context.message_id, action=inbound.action)

    @property
    def is_consent(self) -> bool:
        return self.action is Action.ON_UPDATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one utility is asked about a contract, and how far that has come.

    `waiting` is the buyer's request that waits for it; a notice, for which nobody waits, has none. `cut` is
    what it is told, and not asked: what was cut of the trade.
    """

    contract_id: str
    utility_id: str
    action: Action
    asked: GridRequest
    created_at: datetime
    expires_at: datetime
    waiting: Waiting | None = None
    state: QuestionState = QuestionState.DUE
    id: int = 0
    message_id: str | None = None
    tries: int = 0
    answer: GridGrant | None = None
    error: WireError | None = None
    cut: UtilityStatement | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class QuestionStore:
    """The questions within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, question: Question) -> None:
        """Keep a new question, to be sent as soon as can be."""
        waiting = question.waiting
        await self._connection.execute(
            insert(utility_questions).values(
                contract_id=question.contract_id,
                utility_id=question.utility_id,
                action=question.action.value,
                state=question.state.value,
                asked=request_to_record(question.asked),
                waiting_sender=waiting and waiting.sender,
                waiting_message_id=waiting and waiting.message_id,
                waiting_action=waiting and waiting.action.value,
                created_at=question.created_at,
                due_at=question.created_at,
                expires_at=question.expires_at,
                cut=question.cut and cut_to_record(question.cut),
            )
        )

    async def get(self, question_id: int, *, lock: bool = False) -> Question:
        """Return the question of that id."""
        query = _select().where(_COLUMNS.id == question_id)
        [question] = await self._all(query.with_for_update() if lock else query)
        return question

    async def of_request(self, contract_id: str, waiting: Waiting) -> list[Question]:
        """Return what is asked for one request of a buyer."""
        return await self._all(
            _select().where(
                _COLUMNS.contract_id == contract_id,
                _COLUMNS.waiting_sender == waiting.sender,
                _COLUMNS.waiting_message_id == waiting.message_id,
                _COLUMNS.waiting_action == waiting.action.value,
            )
        )

    async def of_contract(self, contract_id: str) -> list[Question]:
        """Return all that was asked about a contract, in order."""
        return await self._all(_select().where(_COLUMNS.contract_id == contract_id))

    async def find_sent(self, message_id: str, *, utility_id: str) -> Question | None:
        """Return what was asked by a message of ours, None if nothing was."""
        found = await self._all(
            _select().where(_COLUMNS.message_id == message_id, _COLUMNS.utility_id == utility_id)
        )
        return found[0] if found else None

    async def still_asked(self, contract_ids: Collection[str]) -> dict[str, list[str]]:
        """Return the utilities that a seller's consent waits for, by contract; of others nothing."""
        query = select(_COLUMNS.contract_id, _COLUMNS.utility_id).where(
            _COLUMNS.contract_id.in_(contract_ids),
            _COLUMNS.waiting_action == Action.ON_UPDATE.value,
            _COLUMNS.state.in_([state.value for state in OPEN]),
        )
        found: dict[str, list[str]] = {}
        for row in await self._connection.execute(query.order_by(_COLUMNS.id)):
            found.setdefault(row.contract_id, []).append(row.utility_id)
        return found

    async def find_contract(self, order_id: str, *, utility_id: str) -> str | None:
        """Return the contract that a utility was asked about and calls so, or we do; None if none."""
        if not order_id.isprintable():  # PostgreSQL takes no NUL
            return None
        found = await self._connection.execute(self.naming(order_id, utility_id=utility_id))
        return found.scalar_one_or_none()

    @staticmethod
    def naming(order_id: str, *, utility_id: str) -> Select[str]:
        """Return the query for the contract that a utility names."""
        answered: ColumnElement[str] = literal_column(
            "(answer ->> 'order_id')"
        )  # as its index has it, without a parameter
        named = or_(_COLUMNS.contract_id == order_id, answered == order_id)
        query = select(_COLUMNS.contract_id).where(_COLUMNS.utility_id == utility_id, named)
        return query.order_by(_COLUMNS.id.desc()).limit(1)

    async def find_due(self, *, now: datetime) -> Question | None:
        """Return the question that something has to be done about for the longest."""
        query = select(utility_questions).where(_COLUMNS.due_at <= now)
        found = await self._all(query.order_by(_COLUMNS.due_at, _COLUMNS.id).limit(1))
        return found[0] if found else None

    async def note_sent(self, question: Question, *, message_id: str, expires_at: datetime) -> None:
        """Keep that a question is on its way, and until when its answer is waited for."""
        await self._change(
            question,
            state=QuestionState.ASKED.value,
            message_id=message_id,
            tries=question.tries + 1,
            due_at=expires_at,
            expires_at=expires_at,
        )

    async def close(
        self,
        question: Question,
        state: QuestionState,
        *,
        now: datetime,
        answer: GridGrant | None = None,
        error: WireError | None = None,
    ) -> None:
        """Keep what became of a question."""
        await self._change(
            question,
            state=state.value,
            due_at=None,
            answered_at=now,
            answer=answer and grant_to_record(answer),
            error=error and error.to_wire(),
        )

    async def put_off(self, question: Question, *, due_at: datetime) -> None:
        """Have a question sent, for the first time or again, at `due_at`."""
        await self._change(
            question, state=QuestionState.DUE.value, due_at=due_at, tries=question.tries + 1, message_id=None
        )

    async def wait_longer(self, question: Question, *, until: datetime) -> None:
        """Look at a question that was sent again at `until`."""
        await self._change(question, due_at=until)

    async def _change(self, question: Question, **values: object) -> None:
        await self._connection.execute(
            update(utility_questions).where(_COLUMNS.id == question.id).values(**values)
        )

    async def _all(self, query: Select[Any]) -> list[Question]:
        return [_question(row) for row in (await self._connection.execute(query)).mappings()]


def order_ids(questions: Sequence[Question]) -> dict[str, str]:
    """Return what each utility calls the trade that it was asked about."""
    return {each.utility_id: each.answer.order_id for each in questions if each.answer is not None}


def _select() -> Select[Any]:
    return select(utility_questions).order_by(_COLUMNS.id)


def _question(row: Any) -> Question:  # noqa: ANN401  a mapping of SQLAlchemy's
    asked, cut = request_from_record(row["asked"]), row["cut"]
    waiting = row["waiting_message_id"] and Waiting(
        sender=row["waiting_sender"],
        message_id=row["waiting_message_id"],
        action=Action(row["waiting_action"]),
    )
    return Question(
        id=row["id"],
        contract_id=row["contract_id"],
        utility_id=row["utility_id"],
        action=Action(row["action"]),
        asked=asked,
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        waiting=waiting or None,
        state=QuestionState(row["state"]),
        message_id=row["message_id"],
        tries=row["tries"],
        answer=row["answer"] and grant_from_record(row["answer"]),
        error=row["error"] and WireError.from_wire(row["error"]),
        cut=cut and cut_from_record(cut, order_id=asked.order_id),
    )
